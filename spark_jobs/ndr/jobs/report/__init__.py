"""The report of a project, written to S3 each day."""
