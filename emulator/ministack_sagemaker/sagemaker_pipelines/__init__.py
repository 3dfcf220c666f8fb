"""SageMaker Pipelines: registered definitions and their executions, with a process for each instance of a job."""
