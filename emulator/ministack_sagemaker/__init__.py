"""This machine as an AWS account.

MiniStack answers for S3, DynamoDB, Lambda, Step Functions, CloudFormation and the rest. Two services that it lacks are
added in its process: SageMaker Pipelines (`sagemaker_pipelines`) and the Redshift Data API (`redshift_data`).

`lifecycle.up` starts the account, `deploy.deploy` puts a SAM template into it, `lifecycle.down` stops it.
"""
