"""The pipeline definitions, one module a pipeline."""
