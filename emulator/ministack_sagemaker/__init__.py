"""An in-process AWS emulator: MiniStack, with SageMaker Pipelines and the Redshift Data API.

MiniStack serves S3, DynamoDB, Lambda, Step Functions, CloudFormation and other services. This package adds two services
to its process, SageMaker Pipelines (`sagemaker_pipelines`) and the Redshift Data API (`redshift_data`), and corrects
where MiniStack differs from AWS (`patches`).

`lifecycle.up` starts an account, `deploy.deploy` deploys a SAM template into it, `lifecycle.down` stops it.
"""
