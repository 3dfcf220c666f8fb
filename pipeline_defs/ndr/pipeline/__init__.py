"""The SageMaker pipelines: their definitions, the code bundle of their jobs, and their registration."""
