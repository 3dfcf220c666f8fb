"""Environment variables and image of the Processing containers."""

from __future__ import annotations

import os

from ndr.contract.errors import InvalidRequestError
from ndr.contract.stack_buckets import DATA_BUCKET, TRAFFIC_BUCKET_ARNS
from ndr.contract.tables import TABLES_DATABASE
from ndr.pipeline.sdk import ExecutionVariable, ExecutionVariables

IMAGE_REPOSITORY = "ndr-processing"


def job_environment(role_arn: str, region: str, code_version: str) -> dict[str, str | ExecutionVariable]:
    """Return the environment variables of a Processing container; none of them is a secret.

    Parameters
    ----------
    role_arn : str
        ARN of the pipeline's role.
    region : str
        AWS region the job works in.
    code_version : str
        Digest of the code bundle. A job writes it into the manifests it publishes.

    Notes
    -----
    The table names are read from ``NDR_JOBSPEC_TABLE`` and ``NDR_LEDGER_TABLE`` when the definition is built; if they
    are known, the buckets that jobs reach from the variables of :mod:`ndr.contract.stack_buckets`, and the databases
    that they register tables in from ``NDR_TABLES_DATABASE``.
    """
    settings: dict[str, str | ExecutionVariable] = {
        "NDR_JOBSPEC_TABLE": os.environ.get("NDR_JOBSPEC_TABLE") or "ndr-jobspecs",
        "NDR_LEDGER_TABLE": os.environ.get("NDR_LEDGER_TABLE") or "ndr-ledger",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "NDR_CODE_VERSION": code_version,
        # A job that needs Spark in an image without it names this one.
        "NDR_SPARK_PROCESSING_IMAGE_URI": spark_image_uri(role_arn, region),
        # Joins a job's log to its pipeline execution.
        "NDR_PIPELINE_EXECUTION": ExecutionVariables.PIPELINE_EXECUTION_ARN,
        # Spark groups Python values by hash across machines, so all of them need the same seed.
        "PYTHONHASHSEED": "0",
    }
    settings |= {
        name: value for name in (DATA_BUCKET, TRAFFIC_BUCKET_ARNS, TABLES_DATABASE) if (value := os.environ.get(name))
    }
    key = kms_key_arn()
    return settings | {"NDR_KMS_KEY_ARN": key} if key else settings


def kms_key_arn() -> str | None:
    """Return the KMS key for the volumes of the jobs' instances and for the other services that the jobs call.

    It is read from ``NDR_KMS_KEY_ARN`` when the definition is built. None means the keys that AWS owns or manages.
    Objects in S3 are not concerned: the same key is the bucket's default.
    """
    return os.environ.get("NDR_KMS_KEY_ARN") or None


def default_image_uri(role_arn: str, region: str) -> str:
    """Return the default Processing image of a pipeline, for one instance.

    Parameters
    ----------
    role_arn : str
        ARN of the pipeline's role. It names the account of the image registry.
    region : str
        Region of the image's registry.

    Returns
    -------
    str
        ``NDR_PROCESSING_IMAGE_URI`` if it is set when the definition is built, else ``ndr-processing:latest`` in the
        account's own registry.

    Raises
    ------
    InvalidRequestError
        The role is not an ARN.
    """
    own = _in_own_registry(role_arn, region, "latest")
    return os.environ.get("NDR_PROCESSING_IMAGE_URI") or own


def spark_image_uri(role_arn: str, region: str) -> str:
    """Return the Processing image with Spark, for several instances.

    It is ``NDR_SPARK_PROCESSING_IMAGE_URI`` if that is set when the definition is built, else ``ndr-processing:spark``
    in the account's own registry. Parameters and errors are those of :func:`default_image_uri`.
    """
    own = _in_own_registry(role_arn, region, "spark")
    return os.environ.get("NDR_SPARK_PROCESSING_IMAGE_URI") or own


def _in_own_registry(role_arn: str, region: str, tag: str) -> str:
    match role_arn.split(":"):
        case ["arn", partition, "iam", "", account, name] if account and name.startswith("role/"):
            domain = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
        case _:
            raise InvalidRequestError(
                f"The pipeline role is {role_arn!r}, which is not a role ARN. Write arn:aws:iam::<account>:role/<name>."
            )
    return f"{account}.dkr.ecr.{region}.{domain}/{IMAGE_REPOSITORY}:{tag}"
