"""All imports of the SageMaker SDK, and a session that depends on its arguments only."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3


@contextmanager
def default_region(region: str) -> Iterator[None]:
    """Set a default region while the SDK creates boto3 clients for its own use.

    The SDK creates a client when ``sagemaker.mlops`` is imported and another for each ``ProcessingStep``. Both use the
    process's default region and fail without one, although neither client is used here. The region is set for this
    block only, so that a process without a default region stays without one. The block also disables the search for
    credentials at the instance metadata address, which waits a second outside EC2. At the end it restores boto3's
    default session.

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
    """Keep the SDK's import from sending every library's INFO records to stderr.

    The SDK calls ``logging.basicConfig(level=INFO)``, which does nothing when the root logger has a handler.
    """
    root, handler = logging.getLogger(), logging.NullHandler()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


with root_logger_left_alone(), default_region("us-east-1"):  # any region works: no call is made
    from sagemaker.core.config.config_manager import SageMakerConfig
    from sagemaker.core.helper import session_helper
    from sagemaker.core.network import NetworkConfig
    from sagemaker.core.processing import ScriptProcessor
    from sagemaker.core.workflow.execution_variables import ExecutionVariable, ExecutionVariables
    from sagemaker.core.workflow.parameters import Parameter, ParameterInteger, ParameterString
    from sagemaker.core.workflow.pipeline_context import PipelineSession
    from sagemaker.mlops.workflow import steps
    from sagemaker.mlops.workflow.pipeline import Pipeline
    from sagemaker.mlops.workflow.retry import (
        RetryPolicy,
        SageMakerJobExceptionTypeEnum,
        SageMakerJobStepRetryPolicy,
        StepExceptionTypeEnum,
        StepRetryPolicy,
    )
    from sagemaker.mlops.workflow.steps import ProcessingStep

# At each definition the SDK logs that it read a configuration value and that SageMaker names the jobs.
logging.getLogger("sagemaker.config").setLevel(logging.WARNING)
logging.getLogger("sagemaker.core.workflow.utilities").setLevel(logging.ERROR)

# A non-empty configuration keeps the SDK from reading ~/.config/sagemaker and /etc/xdg/sagemaker, whose defaults
# (tags, network, role) would yield different definitions on different machines. It also disables telemetry, which
# sends the account id and every error message to an S3 bucket of the SDK's vendor.
SDK_CONFIGURATION = {
    "SchemaVersion": "1.0",
    "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
}


def _leave_out_repeated_work() -> None:
    """Let the SDK do once what it repeats for each definition, step and default that it looks up.

    - It validates the configuration, and its own schema for configurations, which takes a second of a core each time.
      This module's configuration is constant, and a test validates it.
    - Each step makes a client of local mode, with clients and a session of boto3 of its own, to learn the name of one
      of its methods.
    """
    validate = SageMakerConfig.validate_sagemaker_config

    def validate_others(sagemaker_config: dict[str, Any] | None = None) -> None:
        if sagemaker_config is not SDK_CONFIGURATION:
            validate(sagemaker_config)

    SageMakerConfig.validate_sagemaker_config = staticmethod(validate_others)
    session_helper.validate_sagemaker_config = validate_others
    steps.LocalSagemakerClient = functools.cache(steps.LocalSagemakerClient)


_leave_out_repeated_work()


@functools.cache
def pipeline_session(region: str, default_bucket: str) -> PipelineSession:
    """Return the SDK session of one region and bucket, which all their definitions share.

    Parameters
    ----------
    region : str
        AWS region of the pipelines.
    default_bucket : str
        Name of the bucket (without ``s3://``) that the SDK uses, so that it creates none.

    Returns
    -------
    PipelineSession
        A session whose ``run()`` calls describe jobs and start none. Its clients make no request.
    """
    return PipelineSession(
        boto_session=boto3.Session(region_name=region),
        default_bucket=default_bucket,
        sagemaker_config=SDK_CONFIGURATION,
    )


__all__ = [
    "ExecutionVariable",
    "ExecutionVariables",
    "NetworkConfig",
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
