"""The monthly cost of the deployed pipelines: billed quantities times prices."""
