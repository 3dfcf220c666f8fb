"""The jobs: kernels on Arrow tables, the engines that run them, and the entry points that SageMaker starts."""
