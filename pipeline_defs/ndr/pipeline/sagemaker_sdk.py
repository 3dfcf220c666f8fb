"""The one door to the SageMaker SDK: its imports, and a session that depends on nothing but its arguments."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import boto3


@contextmanager
def default_region(region: str) -> Iterator[None]:
    """Lend the SDK a default region for the boto3 clients it creates for itself.

    The SDK creates a client while ``sagemaker.mlops`` is imported and another whenever a ``ProcessingStep`` is made,
    both from the process's default region; without one they fail, though neither client is ever used here. The region
    is therefore lent, not set: a process that relies on having no region goes on having none. Looking for credentials
    on the instance metadata address, a second's wait outside EC2, is switched off for the same moment, and the default
    boto3 session those clients leave behind is taken away again.

    Parameters
    ----------
    region : str
        AWS region name. An ``AWS_DEFAULT_REGION`` already in the environment is kept.
    """
    wanted = {"AWS_DEFAULT_REGION": region, "AWS_EC2_METADATA_DISABLED": "true"}
    lent = {name: value for name, value in wanted.items() if not os.environ.get(name)}
    session_before = boto3.DEFAULT_SESSION
    os.environ.update(lent)
    try:
        yield
    finally:
        for name in lent:
            os.environ.pop(name, None)
        boto3.DEFAULT_SESSION = session_before


@contextmanager
def root_logger_left_alone() -> Iterator[None]:
    """Keep the SDK, while it is imported, from sending every library's INFO records to stderr.

    It calls ``logging.basicConfig(level=INFO)``, which does nothing where the root logger has a handler.
    """
    root, handler = logging.getLogger(), logging.NullHandler()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


with root_logger_left_alone(), default_region("us-east-1"):  # any region will do: no call is made
    from sagemaker.core.processing import ScriptProcessor
    from sagemaker.core.workflow.execution_variables import ExecutionVariable, ExecutionVariables
    from sagemaker.core.workflow.parameters import Parameter, ParameterInteger, ParameterString
    from sagemaker.core.workflow.pipeline_context import PipelineSession
    from sagemaker.mlops.workflow.pipeline import Pipeline
    from sagemaker.mlops.workflow.retry import (
        RetryPolicy,
        SageMakerJobExceptionTypeEnum,
        SageMakerJobStepRetryPolicy,
        StepExceptionTypeEnum,
        StepRetryPolicy,
    )
    from sagemaker.mlops.workflow.steps import ProcessingStep

# The SDK tells, at each definition, that it read a configuration value and that SageMaker names the jobs.
logging.getLogger("sagemaker.config").setLevel(logging.WARNING)
logging.getLogger("sagemaker.core.workflow.utilities").setLevel(logging.ERROR)

# A non-empty configuration keeps the SDK from reading ~/.config/sagemaker and /etc/xdg/sagemaker, whose defaults
# (tags, network, role) would make one source yield different definitions on different machines. It also says no to
# telemetry, which otherwise sends the account id and every error message to an S3 bucket of the SDK's makers.
SDK_CONFIGURATION = {
    "SchemaVersion": "1.0",
    "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
}


def pipeline_session(region: str, default_bucket: str) -> PipelineSession:
    """Return an SDK session for one region and bucket.

    Parameters
    ----------
    region : str
        AWS region of the pipelines.
    default_bucket : str
        Bucket name (no ``s3://``) the SDK uses wherever it needs one, instead of creating one.

    Returns
    -------
    PipelineSession
        A session whose ``run()`` calls describe jobs and start none.
    """
    return PipelineSession(
        boto_session=boto3.Session(region_name=region),
        default_bucket=default_bucket,
        sagemaker_config=SDK_CONFIGURATION,
    )


__all__ = [
    "ExecutionVariable",
    "ExecutionVariables",
    "Parameter",
    "ParameterInteger",
    "ParameterString",
    "Pipeline",
    "PipelineSession",
    "ProcessingStep",
    "RetryPolicy",
    "SageMakerJobExceptionTypeEnum",
    "SageMakerJobStepRetryPolicy",
    "ScriptProcessor",
    "StepExceptionTypeEnum",
    "StepRetryPolicy",
    "default_region",
    "pipeline_session",
]
