"""A deployed stack as CloudFormation and its services describe it, read with the caller's credentials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from ndr.contract.errors import NdrError
from ndr.contract.jobspecs import JOBS, JobSpec, read_jobspec
from ndr.contract.pipelines import PIPELINE_NAMES
from ndr.local.access.stack import Stack as RolesOfStack

OUTPUT_OF_THE_PROJECT: Final = "JobSpecTableName"
RECREATE: Final = (
    "CloudFormation does not create it again by itself: sam deploy without its resource in template.yaml, then with it."
)
"""What mends a resource that was deleted outside CloudFormation."""


class StackUnreadableError(NdrError):
    """The stack to check, or its account, can't be read. Raised by `ndr check`."""


@dataclass(frozen=True)
class Stack:
    """A stack of this project's template.

    Attributes
    ----------
    session : boto3.Session
        Has the caller's credentials and region.
    now : datetime
        The time at which it is checked.
    name, status : str
        The stack's name and CloudFormation's status of it.
    arn : str
        The stack's id, an ARN, which names its region and account.
    parameters, outputs : mapping of str to str
    resources : mapping of str to str
        Physical id of each resource by its logical id in the template.
    types : mapping of str to str
        Type of each resource by its logical id.
    """

    session: boto3.Session
    now: datetime
    name: str
    status: str
    arn: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]
    resources: Mapping[str, str]
    types: Mapping[str, str]
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)

    @property
    def region(self) -> str:
        return self.arn.split(":")[3]

    @property
    def account(self) -> str:
        return self.arn.split(":")[4]

    @property
    def project(self) -> str:
        return self.parameters["ProjectName"]

    @property
    def version(self) -> str:
        return self.parameters["FeatureSpecVersion"]

    @property
    def is_of_this_project(self) -> bool:
        return OUTPUT_OF_THE_PROJECT in self.outputs

    def client(self, service: str, region: str | None = None) -> Any:
        """Return the client of a service in a region, the stack's own by default."""
        key = service, region or self.region
        if key not in self._clients:
            self._clients[key] = self.session.client(service, region_name=key[1])  # type: ignore[call-overload]
        return self._clients[key]

    def table(self, output: str) -> Any:
        """Return the DynamoDB table whose name is in an output."""
        return self.session.resource("dynamodb", region_name=self.region).Table(self.outputs[output])

    def of_type(self, type_: str) -> dict[str, str]:
        """Return logical to physical id of the resources of a type."""
        return {name: self.resources[name] for name, its in self.types.items() if its == type_}

    @cached_property
    def roles(self) -> RolesOfStack:
        """The stack as the check of its roles needs it."""
        roles = self.of_type("AWS::IAM::Role")
        return RolesOfStack(self.name, self.session, dict(self.outputs), dict(self.parameters), roles)

    @cached_property
    def jobspecs(self) -> dict[str, JobSpec[Any] | NdrError]:
        """The stack's own JobSpecs by job name, or the error that reading one raised."""
        found: dict[str, JobSpec[Any] | NdrError] = {}
        table = self.table("JobSpecTableName")
        for job in JOBS:
            try:
                found[str(job)] = read_jobspec(table, self.project, str(job), self.version)
            except NdrError as error:
                found[str(job)] = error
        return found

    @cached_property
    def valid_jobspecs(self) -> dict[str, JobSpec[Any]]:
        """Those JobSpecs that can be read."""
        return {job: found for job, found in self.jobspecs.items() if isinstance(found, JobSpec)}

    @cached_property
    def pipelines(self) -> dict[str, dict[str, Any] | None]:
        """The stack's pipelines by name, as SageMaker describes them; None for one that is not registered."""
        found: dict[str, dict[str, Any] | None] = {}
        sagemaker = self.client("sagemaker")
        for base in PIPELINE_NAMES:
            name = f"{base}{self.parameters.get('PipelineNameSuffix', '')}"
            try:
                found[name] = dict(sagemaker.describe_pipeline(PipelineName=name))
            except sagemaker.exceptions.ResourceNotFound:
                found[name] = None
        return found


def read_stack(name: str, session: boto3.Session, now: datetime) -> Stack:
    """Read a stack and its resources.

    Raises
    ------
    StackUnreadableError
        It does not exist, is not of this project, or the caller can't read it.
    """
    try:
        formation = session.client("cloudformation")
        described = _described(formation, name)
        pages = formation.get_paginator("list_stack_resources").paginate(StackName=name)
        resources = [each for page in pages for each in page["StackResourceSummaries"]]
    except ClientError as error:
        said = error.response["Error"]
        raise StackUnreadableError(
            f"The stack {name!r} can't be read: {error.operation_name} was refused with {said['Code']}: "
            f"{str(said.get('Message', '')).rstrip('.')}. Use credentials that may read it: set AWS_PROFILE, or give "
            "--profile."
        ) from None
    except BotoCoreError as error:
        raise StackUnreadableError(
            f"The stack {name!r} can't be read: {str(error).rstrip('.')}. Give credentials and a region: set "
            "AWS_PROFILE and AWS_REGION, or give --profile and --region."
        ) from None
    return Stack(
        session=session,
        now=now,
        name=name,
        status=described["StackStatus"],
        arn=described["StackId"],
        parameters={each["ParameterKey"]: each.get("ParameterValue", "") for each in described.get("Parameters", [])},
        outputs={each["OutputKey"]: each["OutputValue"] for each in described.get("Outputs", [])},
        resources={each["LogicalResourceId"]: each.get("PhysicalResourceId", "") for each in resources},
        types={each["LogicalResourceId"]: each["ResourceType"] for each in resources},
    )


def _described(formation: Any, name: str) -> dict[str, Any]:
    try:
        (described,) = formation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        raise StackUnreadableError(
            f"There is no stack {name!r} in region {formation.meta.region_name}. Name one with --stack, and its region "
            "with --region; `aws cloudformation list-stacks` lists them."
        ) from None
    return dict(described)
