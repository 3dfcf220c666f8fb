"""A deployed stack: its outputs, its tables, and access to its data."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ministack_sagemaker.lifecycle import Account
from ndr.contract.errors import InvalidRequestError, JobSpecNotFoundError
from ndr.contract.jobspecs import JobSpecs, check_jobspecs, parse_jobspec
from ndr.local.deployment.redshift import Warehouse

_RECORD: Final = "deployment.json"


@dataclass(frozen=True)
class Deployment:
    """A stack deployed by `ndr up` or `ndr demo`.

    Attributes
    ----------
    account : Account
    outputs : dict of str to str
        The stack's outputs.
    project_name, feature_spec_version : str
        Defaults of requests and commands.
    secret_arn : str
        ARN of the secret of the Redshift stand-in.
    made_by : str
        The deploying command, `up` or `demo`.
    """

    account: Account
    outputs: Mapping[str, str]
    project_name: str
    feature_spec_version: str
    secret_arn: str
    made_by: str

    @classmethod
    def load(cls, directory: Path) -> Deployment:
        """Load the deployment of a directory, and point this process at its account.

        Raises
        ------
        AccountError
            No account runs in the directory.
        InvalidRequestError
            An account runs, but nothing is deployed in it.
        """
        account = Account.load(directory.resolve())
        record = account.directory / _RECORD
        recorded = _read(record)
        recorded.pop("environment", None)
        # The record may be left from an account that has ended.
        if recorded.pop("account_pid", None) != account.pid:
            raise InvalidRequestError(
                f"An account runs in {directory}, but nothing is deployed in it; deploy with `ndr up`."
            )
        deployment = cls(account=account, **recorded)
        deployment.enter()
        return deployment

    def save(self) -> None:
        """Write the record that `load` reads, and `ndr.read` for where the account is."""
        recorded = {name: value for name, value in vars(self).items() if name != "account"}
        recorded["account_pid"] = self.account.pid
        recorded["environment"] = self.account.environment()
        record = self.account.directory / _RECORD
        written = record.with_suffix(".part")
        written.write_text(json.dumps(recorded, indent=2))
        written.replace(record)

    def enter(self) -> None:
        """Set the environment so that boto3 and Arrow's S3 client of this process use the account."""
        os.environ.update(self.account.environment())

    def client(self, service: str) -> Any:
        return self.account.client(service)

    @property
    def data_bucket(self) -> str:
        return self.outputs["DataBucketName"]

    @property
    def machines(self) -> dict[str, str]:
        """State machine ARNs by name."""
        return machines_in(self.outputs)

    @property
    def warehouse(self) -> Warehouse:
        """The Redshift stand-in with the machine inventory."""
        return Warehouse(self.client("redshift-data"), self.secret_arn)

    def table(self, output: str) -> Any:
        """Return the DynamoDB table whose name is in an output."""
        return self.account.table(self.outputs[output])

    def jobspecs(self) -> JobSpecs:
        """Return the checked JobSpecs of the deployment's project and version.

        Raises
        ------
        JobSpecNotFoundError
            The table has none.
        JobSpecInvalidError
            The JobSpecs contradict each other.
        """
        asked = (self.project_name, self.feature_spec_version)
        items = jobspec_items(self.table("JobSpecTableName"))
        mine = [item for item in items if (item["project_name"], item["feature_spec_version"]) == asked]
        if not mine:
            raise JobSpecNotFoundError(
                f"No JobSpecs of project {asked[0]!r}, version {asked[1]!r} are in the table; "
                "put them with `ndr jobspec put FILE...`, or see `ndr demo` at work."
            )
        return check_jobspecs(parse_jobspec(item) for item in mine)


def _read(record: Path) -> dict[str, Any]:
    """Return the record of a deployment; an empty one where the file is absent or is not a record."""
    try:
        recorded = json.loads(record.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return recorded if isinstance(recorded, dict) else {}


def directory_option(directory: Path) -> str:
    """Return what a command that is typed here needs to be about a folder; nothing where it is the default one."""
    directory, here = directory.resolve(), Path.cwd()
    if directory == Path(os.environ.get("NDR_HOME", ".ndr")).resolve():
        return ""
    shown = directory.relative_to(here) if directory.is_relative_to(here) else directory
    return f" --directory {shlex.quote(str(shown))}"


def machines_in(outputs: Mapping[str, str]) -> dict[str, str]:
    """Return the ARN of each state machine by name, from the outputs of a stack."""
    return {
        "baselines": outputs["BaselinesMachineArn"],
        "mini_batch": outputs["MiniBatchMachineArn"],
        "run_pipeline": outputs["RunPipelineMachineArn"],
    }


def jobspec_items(table: Any) -> list[dict[str, Any]]:
    """Return all items of a JobSpec table, sorted by project, version and job."""
    return sorted(
        all_items(table), key=lambda item: (item["project_name"], item["feature_spec_version"], item["job_name"])
    )


def all_items(table: Any) -> list[dict[str, Any]]:
    """Return all items of a DynamoDB table."""
    page = table.scan()
    items = list(page["Items"])
    while "LastEvaluatedKey" in page:
        page = table.scan(ExclusiveStartKey=page["LastEvaluatedKey"])
        items += page["Items"]
    return items
