"""The account that executions run in: the one on this machine, or that of a stack in AWS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

from ndr.contract.errors import InvalidRequestError
from ndr.local.deployment.deployment import Deployment, directory_option, machines_in

RUNNING: Final = "RUNNING"
"""Status of a machine's execution that has not ended."""
NESTED: Final = "run_pipeline"
"""The machine whose executions the other machines start."""


@dataclass(frozen=True)
class ExecutionAccount:
    """Clients, and the machines whose executions are looked for.

    Parameters
    ----------
    states, sagemaker, logs : boto3 clients
    machines : mapping of str to str
        ARN of each machine by name.
    options : str
        What a command needs to reach the same account, such as ` --stack ndr-prod`.
    """

    states: Any
    sagemaker: Any
    logs: Any
    machines: Mapping[str, str]
    options: str = ""

    @property
    def is_in_aws(self) -> bool:
        """Whether it is a stack in AWS, where the console's links lead to."""
        return self.options.startswith(" --stack")

    @classmethod
    def of(cls, directory: Path, stack: str = "") -> ExecutionAccount:
        """Return the account of a folder on this machine, or that of a stack with the caller's credentials.

        Raises
        ------
        AccountError, InvalidRequestError
            Nothing is deployed in the folder, or there is no such stack.
        """
        if not stack:
            return cls.of_deployment(Deployment.load(directory))
        session = boto3.Session()
        machines = machines_in(_outputs(session, stack))
        return cls(
            *(session.client("stepfunctions"), session.client("sagemaker"), session.client("logs")),
            machines=machines,
            options=f" --stack {stack}",
        )

    @classmethod
    def of_deployment(cls, deployment: Deployment) -> ExecutionAccount:
        """Return the account of a deployment on this machine."""
        return cls(
            *(deployment.client("stepfunctions"), deployment.client("sagemaker"), deployment.client("logs")),
            machines=deployment.machines,
            options=directory_option(deployment.account.directory),
        )

    def machine_of(self, execution: str) -> str:
        """Return the name of the machine of an execution; its ARN where it is not one of the stack's."""
        machine = execution.rpartition(":")[0].replace(":execution:", ":stateMachine:")
        return next((name for name, arn in self.machines.items() if arn == machine), machine)


def _outputs(session: boto3.Session, stack: str) -> dict[str, str]:
    try:
        (found,) = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        raise InvalidRequestError(
            f"There is no stack {stack!r} in {session.region_name}. AWS_REGION names another region, and "
            "`aws cloudformation list-stacks` lists the stacks."
        ) from None
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}
    if "BaselinesMachineArn" not in outputs:
        raise InvalidRequestError(f"The stack {stack!r} is not of this project: it has no output BaselinesMachineArn.")
    return outputs
