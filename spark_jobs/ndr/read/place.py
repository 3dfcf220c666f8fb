"""Where a project's data lie: its JobSpecs, found by a stack's name, in the account on this machine, or in files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ndr.contract.errors import InvalidRequestError, JobSpecNotFoundError
from ndr.contract.jobspecs import JobSpec, JobSpecs, check_jobspecs, parse_jobspec, read_jobspecs
from ndr.contract.manifest import Owner
from ndr.store import aws
from ndr.store.storage import forget_clients

HERE: Final = ".ndr"
RECORD: Final = "deployment.json"
"""In the folder of the account on this machine: what is deployed there, and how it is reached."""


@dataclass(frozen=True)
class Place:
    """A project in one feature spec version: its checked JobSpecs, which name the prefixes of its data."""

    jobspecs: JobSpecs

    @property
    def owner(self) -> Owner:
        """Its name and version, which every manifest that is read must have."""
        first = next(iter(self.jobspecs.values()))
        return Owner(first.project_name, first.feature_spec_version)

    @classmethod
    def of(cls, jobspecs: Iterable[JobSpec[Any]]) -> Place:
        """Return the place of a set of JobSpecs.

        Raises
        ------
        JobSpecInvalidError
            They contradict each other, or one is missing.
        """
        return cls(check_jobspecs(jobspecs))

    @classmethod
    def of_files(cls, *paths: str | Path) -> Place:
        """Return the place of JobSpec documents: JSON files, each with an object or an array of objects.

        Raises
        ------
        InvalidRequestError
            A file can't be read, or is not JSON.
        JobSpecInvalidError
            A document breaks a rule, or they contradict each other.
        """
        return cls.of(parse_jobspec(document) for path in paths for document in _documents(Path(path)))

    @classmethod
    def of_stack(cls, name: str, project_name: str = "", feature_spec_version: str = "") -> Place:
        """Return the place of a deployed stack, with the credentials and region of the environment.

        Parameters
        ----------
        project_name, feature_spec_version : str
            Those of the stack's parameters by default.

        Raises
        ------
        InvalidRequestError
            The stack can't be read.
        JobSpecNotFoundError
            Its table has no JobSpecs of the project and version.
        """
        outputs, parameters = _described(name)
        if "JobSpecTableName" not in outputs:
            raise InvalidRequestError(
                f"The stack {name!r} is not of this project: it has no output JobSpecTableName. Name another stack."
            )
        return _of_table(
            outputs["JobSpecTableName"],
            Owner(project_name or parameters["ProjectName"], feature_spec_version or parameters["FeatureSpecVersion"]),
        )

    @classmethod
    def here(cls, directory: str | Path = "") -> Place:
        """Return the place of what `ndr up` or `ndr demo` deployed on this machine; point this process at its account.

        Parameters
        ----------
        directory : str or Path
            The folder of the account; by default the one that NDR_HOME names, or `.ndr`.

        Raises
        ------
        InvalidRequestError
            Nothing is deployed there, or the account does not answer.
        JobSpecNotFoundError
            Its table has no JobSpecs.
        """
        folder = Path(directory or os.environ.get("NDR_HOME") or HERE)
        try:
            record: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise InvalidRequestError(
                f"Nothing is deployed in {folder}; deploy with `ndr up` or `make demo`, or name a stack: "
                'Place.of_stack("NAME"), or NDR_STACK=NAME in the environment.'
            ) from None
        os.environ.update(record["environment"])
        forget_clients()
        owner = Owner(record["project_name"], record["feature_spec_version"])
        return _of_table(record["outputs"]["JobSpecTableName"], owner)

    @classmethod
    def find(cls) -> Place:
        """Return the place that the environment names, or otherwise that of this machine.

        NDR_STACK is the name of a stack, NDR_JOBSPECS the path of a file with all JobSpecs.
        """
        stack, path = os.environ.get("NDR_STACK"), os.environ.get("NDR_JOBSPECS")
        if stack:
            return cls.of_stack(stack)
        return cls.of_files(path) if path else cls.here()


def found(place: Place | str | None) -> Place:
    """Return a place: the one given, that of a stack by its name, or the one that `Place.find` finds."""
    if isinstance(place, str):
        return Place.of_stack(place)
    return place or Place.find()


def _documents(path: Path) -> list[Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidRequestError(f"{path} can't be read as JSON: {error}. Name files with JobSpecs.") from None
    return content if isinstance(content, list) else [content]


def _described(name: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the outputs and the parameters of a stack."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        (stack,) = aws.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except (BotoCoreError, ClientError) as error:
        raise InvalidRequestError(
            f"The stack {name!r} can't be read: {str(error).rstrip('.')}. Name a stack of `sam deploy`, with "
            "credentials of its account (AWS_PROFILE) and its region (AWS_REGION)."
        ) from error
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
    return outputs, {each["ParameterKey"]: each.get("ParameterValue", "") for each in stack.get("Parameters", [])}


def _of_table(name: str, owner: Owner) -> Place:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        jobspecs = read_jobspecs(aws.dynamodb_table(name), *owner)
    except (BotoCoreError, ClientError) as error:
        raise InvalidRequestError(
            f"The table {name} of JobSpecs can't be read: {str(error).rstrip('.')}. On this machine, start the account "
            "with `ndr up`; in AWS, use credentials that may read it."
        ) from error
    if not jobspecs:
        raise JobSpecNotFoundError(
            f"The table {name} has no JobSpecs of project {owner.project_name!r}, version "
            f"{owner.feature_spec_version!r}; put them with `ndr jobspec put FILE...`."
        )
    return Place.of(jobspecs)
