"""A stack of the template in the account, with the JobSpecs and the machine inventory of a project."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ministack_sagemaker.deploy import deploy
from ministack_sagemaker.lifecycle import Account
from ministack_sagemaker.registry import register_image
from ndr.contract.jobspecs import FG_C_BUILDER, JobSpec, put_jobspec
from ndr.local.deployment.create import IMAGE, redshift_parameters
from ndr.local.deployment.deployment import Deployment
from ndr.local.deployment.redshift import TABLE
from ndr.local.jobspecs import DEMO_FILES, deployed_values, read_jobspec_files
from tests.fortnight.deliveries import Delivery
from tests.fortnight.jobspecs import CHANGES
from tests.fortnight.traffic import MACHINES, lines

VERSION: Final = "v1"


@dataclass(frozen=True)
class Stack:
    """A deployed stack."""

    deployment: Deployment

    @property
    def account(self) -> Account:
        return self.deployment.account

    @property
    def name(self) -> str:
        return self.deployment.project_name

    @property
    def suffix(self) -> str:
        """What the names of its pipelines end with."""
        return f"-{self.name}"

    @classmethod
    def deploy(cls, account: Account, name: str, secret_arn: str, template: Path, **parameters: str) -> Stack:
        """Deploy a stack, or what has changed of it, and put its JobSpecs."""
        given = {
            "ProjectName": name,
            "FeatureSpecVersion": VERSION,
            **redshift_parameters(account, secret_arn),
            "PollSeconds": "60",
            "MaxPollSeconds": "120",
            "PipelineNameSuffix": f"-{name}",
            **parameters,
        }
        register_image(account, IMAGE)
        outputs = deploy(account, template, name, given)
        stack = cls(Deployment(account, outputs, name, VERSION, secret_arn, "up"))
        for jobspec in stack.jobspecs():
            put_jobspec(stack.deployment.table("JobSpecTableName"), jobspec)
        return stack

    def jobspecs(self) -> list[JobSpec]:
        found = read_jobspec_files(DEMO_FILES, deployed_values(self.deployment, "local"))
        return [_changed(each) for each in found if each.job_name != FG_C_BUILDER]

    def load_inventory(self) -> None:
        """Put the machines into the inventory's table, which all stacks of the account share."""
        warehouse = self.deployment.warehouse
        warehouse.create_inventory()
        for address, name in MACHINES.items():
            warehouse.run(f"INSERT INTO {TABLE} VALUES ('{address}', '{name}', true, 'prod', NULL, NULL)")

    def prefix(self, dataset: str) -> str:
        """Return the prefix of a dataset that a job writes."""
        return f"s3://{self.deployment.data_bucket}/{VERSION}/{dataset}/"

    def client(self, service: str) -> Any:
        """Return a client, the same one for the same service."""
        return _client(self.account, service)

    def put(self, delivery: Delivery) -> None:
        self.client("s3").put_object(
            Bucket=self.deployment.data_bucket, Key=f"integration/{delivery.key}", Body=lines(delivery.rows)
        )

    def start(self, machine: str, request: dict[str, Any]) -> str:
        """Start an execution of a machine; return its ARN."""
        started = self.client("stepfunctions").start_execution(
            stateMachineArn=self.deployment.machines[machine], input=json.dumps(request)
        )
        return str(started["executionArn"])


@functools.cache
def _client(account: Account, service: str) -> Any:
    return account.client(service)


def secret_of_the_inventory(account: Account) -> str:
    """Create the secret that opens the Redshift stand-in; return its ARN."""
    credentials = json.dumps({"username": "ndr", "password": "not checked by the stand-in"})
    return str(account.client("secretsmanager").create_secret(Name="redshift", SecretString=credentials)["ARN"])


def _changed(jobspec: JobSpec) -> JobSpec:
    spec = {**jobspec.spec.model_dump(by_alias=True), **CHANGES.get(jobspec.job_name, {})}
    return jobspec.model_copy(update={"spec": type(jobspec.spec).model_validate(spec)})
