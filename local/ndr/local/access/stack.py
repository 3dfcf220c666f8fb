"""A stack as its caller's credentials show it: its roles, its JobSpec table, its data bucket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from ndr.contract.errors import InvalidRequestError, JobSpecNotFoundError
from ndr.contract.jobspecs import JobSpec, read_jobspecs


@dataclass(frozen=True)
class Stack:
    """A deployed stack in the account and region of a session.

    Attributes
    ----------
    name : str
        Its name.
    session : boto3.Session
        The caller's credentials and region.
    outputs, parameters : dict of str to str
        As CloudFormation shows them.
    role_names : dict of str to str
        The names of its roles by their logical ids.
    """

    name: str
    session: boto3.Session
    outputs: dict[str, str]
    parameters: dict[str, str]
    role_names: dict[str, str]

    @classmethod
    def named(cls, name: str, session: boto3.Session | None = None) -> Stack:
        """Read a stack.

        Raises
        ------
        InvalidRequestError
            There is no such stack, or the caller may not read it.
        """
        session = session or boto3.Session()
        try:
            formation = session.client("cloudformation")
            (described,) = formation.describe_stacks(StackName=name)["Stacks"]
            resources = formation.describe_stack_resources(StackName=name)["StackResources"]
        except (ClientError, BotoCoreError) as error:
            raise InvalidRequestError(
                f"The stack {name!r} can't be read: {error}. Name a stack of `sam deploy`, with credentials of its "
                "account and AWS_REGION set to its region."
            ) from error
        return cls(
            name,
            session,
            {each["OutputKey"]: each["OutputValue"] for each in described.get("Outputs", [])},
            {each["ParameterKey"]: each.get("ParameterValue", "") for each in described.get("Parameters", [])},
            {
                each["LogicalResourceId"]: each["PhysicalResourceId"]
                for each in resources
                if each["ResourceType"] == "AWS::IAM::Role"
            },
        )

    @property
    def partition(self) -> str:
        """`aws`, `aws-cn` or `aws-us-gov`."""
        return self.outputs["PipelineRoleArn"].split(":")[1]

    @property
    def account_id(self) -> str:
        return self.outputs["PipelineRoleArn"].split(":")[4]

    @property
    def region(self) -> str:
        return str(self.session.client("cloudformation").meta.region_name)

    def role_arn(self, logical_id: str) -> str:
        """Return the ARN of one of the stack's roles."""
        return f"arn:{self.partition}:iam::{self.account_id}:role/{self.role_names[logical_id]}"

    def jobspecs(self) -> list[JobSpec[Any]]:
        """Read the JobSpecs of the project and version that the stack's schedules run with.

        Raises
        ------
        JobSpecNotFoundError
            The stack's table has none.
        """
        table = self.session.resource("dynamodb").Table(self.outputs["JobSpecTableName"])
        project, version = self.parameters["ProjectName"], self.parameters["FeatureSpecVersion"]
        found = read_jobspecs(table, project, version)
        if not found:
            raise JobSpecNotFoundError(
                f"The stack {self.name} has no JobSpecs of project {project!r}, version {version!r}; put them with "
                f"`ndr jobspec put FILE... --table {table.name}`, or name the files to check."
            )
        return found

    def placeholder_values(self) -> dict[str, str]:
        """Return the values of the placeholders in JobSpec documents that follow from the stack."""
        return {
            "project_name": self.parameters["ProjectName"],
            "feature_spec_version": self.parameters["FeatureSpecVersion"],
            "data_bucket": self.outputs["DataBucketName"],
            "secret_arn": self.parameters["RedshiftSecretArn"],
            "region": self.region,
            "engine": "auto",
        }
