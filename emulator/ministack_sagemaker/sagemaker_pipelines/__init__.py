"""SageMaker Pipelines: keeps registered definitions and executes them, each Processing job as a subprocess."""
