"""Start an account, deploy the template, and create what the template leaves to its owner."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config

from ndr.contract.errors import InvalidRequestError
from ndr.local.account.deploy import deploy
from ndr.local.account.lifecycle import Account, up
from ndr.local.console.progress import Progress
from ndr.local.deployment.deployment import Deployment
from ndr.local.deployment.redshift import Warehouse

STACK_NAME: Final = "ndr"
WAIT_SCALE: Final = 0.5
"""A pipeline of this machine takes seconds where SageMaker takes minutes: waits between two looks are half as long."""
_FUNCTION_SECONDS: Final = 300
_POLLING: Final = {"PollSeconds": "1", "MaxPollSeconds": "2"}


def find_template() -> Path:
    """Return template.yaml of the current directory or the nearest one above; else of this project's sources.

    Raises
    ------
    InvalidRequestError
        There is none.
    """
    here = Path.cwd().resolve()
    sources = Path(__file__).resolve().parents[4]
    for folder in (here, *here.parents, sources):
        template = folder / "template.yaml"
        if template.is_file() and (folder / "statemachines").is_dir():
            return template
    raise InvalidRequestError("No template.yaml was found here or above; run `ndr` in the project's folder.")


def start_account(directory: Path) -> Account:
    """Start the account of a directory with the waits of this machine."""
    return up(directory, wait_scale=WAIT_SCALE)


def deploy_stack(
    account: Account, project_name: str, feature_spec_version: str, made_by: str, progress: Progress
) -> Deployment:
    """Build and deploy the template, create the secret and the inventory's table, register the pipelines.

    Raises
    ------
    AccountError
        SAM is not installed, or failed.
    """
    with progress.doing("create the secret of the Redshift stand-in"):
        secret_arn = _secret(account)
    template = find_template()
    with progress.doing(f"sam build and sam deploy of {template.name}"):
        names = {"ProjectName": project_name, "FeatureSpecVersion": feature_spec_version}
        parameters = {**names, **_POLLING, "RedshiftSecretArn": secret_arn}
        outputs = deploy(account, template, STACK_NAME, parameters)
    deployment = Deployment(account, outputs, project_name, feature_spec_version, secret_arn, made_by)
    deployment.enter()
    with progress.doing("create the machine inventory's table in the Redshift stand-in"):
        Warehouse(account.client("redshift-data"), secret_arn).create_inventory()
    deployment.save()
    return deployment


def upsert_pipelines(deployment: Deployment, request: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Register the pipelines by invoking the function that the stack deployed for it.

    Returns
    -------
    list of dict
        For each pipeline its name, change and digest.

    Raises
    ------
    InvalidRequestError
        The function failed; the message is its own.
    """
    # Asking again while the first call is at work would run the function twice: one call, as long as it may take.
    patient = Config(read_timeout=_FUNCTION_SECONDS + 30, retries={"total_max_attempts": 1})
    account = deployment.account
    functions = boto3.client("lambda", endpoint_url=account.endpoint_url, region_name=account.region, config=patient)
    answer = functions.invoke(
        FunctionName=deployment.outputs["UpsertPipelinesFunctionName"], Payload=json.dumps(dict(request or {})).encode()
    )
    payload = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise InvalidRequestError(
            f"The function {deployment.outputs['UpsertPipelinesFunctionName']} failed with {payload.get('errorType')}: "
            f"{payload.get('errorMessage')}"
        )
    return list(payload["pipelines"])


def _secret(account: Account) -> str:
    secrets = account.client("secretsmanager")
    name = "ndr/redshift"
    try:
        return str(secrets.describe_secret(SecretId=name)["ARN"])
    except secrets.exceptions.ResourceNotFoundException:
        credentials = json.dumps({"username": "ndr", "password": "not checked by the stand-in"})
        return str(secrets.create_secret(Name=name, SecretString=credentials)["ARN"])
