"""Start an account, deploy the template, and create the resources that the template expects."""

from __future__ import annotations

import json
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from ministack_sagemaker.deploy import build, deploy
from ministack_sagemaker.errors import AccountError
from ministack_sagemaker.lifecycle import Account, up
from ministack_sagemaker.registry import register_image
from ministack_sagemaker.sagemaker_pipelines import warm_python
from ndr.contract.errors import InvalidRequestError, NdrError
from ndr.local.console.progress import Progress
from ndr.local.deployment.compile_ahead import compile_ahead
from ndr.local.deployment.deployment import Deployment, directory_option
from ndr.local.deployment.redshift import CLUSTER, Warehouse

STACK_NAME: Final = "ndr"
WAIT_SCALE: Final = 0.5
"""Factor of all waits. A pipeline takes seconds here and minutes on SageMaker, so polling waits are halved."""
IMAGE: Final = "ndr-processing:latest"
"""The image that the template's pipelines run in by default."""
_POLLING: Final = {"PollSeconds": "1", "MaxPollSeconds": "2"}


def find_template() -> Path:
    """Return the template.yaml of the current directory, of the nearest parent, or of this project's sources.

    Raises
    ------
    InvalidRequestError
        No template.yaml was found.
    """
    here = Path.cwd().resolve()
    sources = Path(__file__).resolve().parents[4]
    for folder in (here, *here.parents, sources):
        template = folder / "template.yaml"
        if template.is_file() and (folder / "statemachines").is_dir():
            return template
    raise InvalidRequestError("No template.yaml was found here or above; run `ndr` in the project's folder.")


def start_account(directory: Path) -> Account:
    """Start the account of a directory, with scaled waits and jobs that start fast; the template is built meanwhile."""
    directory.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault(warm_python.SWITCH, "true")
    threading.Thread(target=_build_ahead, args=(directory / "deploy.log",), name="sam build", daemon=True).start()
    return up(directory, wait_scale=WAIT_SCALE)


def what_keeps_running(directory: Path) -> str:
    """Return a sentence about the account of a directory that a command leaves running; nothing without one."""
    try:
        account = Account.load(directory.resolve())
    except (AccountError, OSError):
        return ""
    option = directory_option(account.directory)
    return f"The account in {directory} keeps running until `ndr down{option}`; `ndr up{option}` deploys again."


def deploy_stack(
    account: Account,
    project_name: str,
    feature_spec_version: str,
    made_by: str,
    progress: Progress,
    **parameters: str,
) -> Deployment:
    """Build and deploy the template, which registers the pipelines. Create the secret and the inventory's table.

    The functions of the jobs are compiled in the background from then on.

    Parameters
    ----------
    account
        A running account.
    project_name, feature_spec_version
        Defaults of the requests.
    made_by
        The deploying command, `up` or `demo`.
    progress
        Receives a line for each step.
    **parameters
        Other parameters of the template, such as KmsKeyArn.

    Raises
    ------
    AccountError
        SAM is not installed, or the deploy failed.
    """
    with progress.doing("create the secret of the Redshift stand-in"):
        secret_arn = _secret(account)
    register_image(account, IMAGE)
    template = find_template()
    with progress.doing(f"sam build and sam deploy of {template.name}"):
        names = {"ProjectName": project_name, "FeatureSpecVersion": feature_spec_version}
        given = {**names, **_POLLING, **redshift_parameters(account, secret_arn), **parameters}
        outputs = deploy(account, template, STACK_NAME, given)
    deployment = Deployment(account, outputs, project_name, feature_spec_version, secret_arn, made_by)
    deployment.enter()
    with progress.doing("create the machine inventory's table in the Redshift stand-in"):
        Warehouse(account.client("redshift-data"), secret_arn).create_inventory()
    deployment.save()
    compile_ahead(Path(os.environ.get("NUMBA_CACHE_DIR") or account.directory / "cache" / "numba"))
    return deployment


def _build_ahead(log: Path) -> None:
    with suppress(NdrError, AccountError, OSError):  # the deploy meets the same, and says so
        build(find_template(), log)


def redshift_parameters(account: Account, secret_arn: str) -> dict[str, str]:
    """Return the template parameters that let the inventory unload query the Redshift stand-in."""
    cluster = f"arn:aws:redshift:{account.region}:{account.account_id}:cluster:{CLUSTER}"
    return {"RedshiftSecretArn": secret_arn, "RedshiftTargetArn": cluster}


def registered_pipelines(deployment: Deployment) -> list[tuple[str, str]]:
    """Return name and description of the pipelines that the deploy registered."""
    by_name = {"PipelineNamePrefix": "ndr", "SortBy": "Name", "SortOrder": "Ascending"}
    listed = deployment.client("sagemaker").list_pipelines(**by_name)["PipelineSummaries"]
    return [(each["PipelineName"], each["PipelineDescription"]) for each in listed]


def _secret(account: Account) -> str:
    secrets = account.client("secretsmanager")
    name = "ndr/redshift"
    try:
        return str(secrets.describe_secret(SecretId=name)["ARN"])
    except secrets.exceptions.ResourceNotFoundException:
        credentials = json.dumps({"username": "ndr", "password": "not checked by the stand-in"})
        return str(secrets.create_secret(Name=name, SecretString=credentials)["ARN"])
