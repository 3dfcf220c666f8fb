"""JobSpecs in their DynamoDB table. The table is a boto3 resource that the caller makes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Protocol, overload

from ndr.contract.errors import JobSpecNotFoundError
from ndr.contract.jobspecs.item import JOBS, Job, JobSpec, SpecT, parse_jobspec, sort_key


class Table(Protocol):
    """What is used of `boto3.resource("dynamodb").Table(name)`."""

    name: str

    def get_item(self, **kwargs: Any) -> Any: ...
    def put_item(self, **kwargs: Any) -> Any: ...


@overload
def read_jobspec(table: Table, project_name: str, job: Job[SpecT], feature_spec_version: str) -> JobSpec[SpecT]: ...
@overload
def read_jobspec(table: Table, project_name: str, job: str, feature_spec_version: str) -> JobSpec[Any]: ...
def read_jobspec(table: Table, project_name: str, job: str, feature_spec_version: str) -> JobSpec[Any]:
    """Read and validate one JobSpec.

    Raises
    ------
    JobSpecNotFoundError
        The table holds no such item.
    JobSpecInvalidError
        The item breaks a rule.
    """
    key = {"project_name": project_name, "job_name_version": sort_key(job, feature_spec_version)}
    item = table.get_item(Key=key, ConsistentRead=True).get("Item")
    if item is None:
        raise JobSpecNotFoundError(
            f"Table {table.name} holds no JobSpec {job} for project {project_name!r}, version "
            f"{feature_spec_version!r}; check the names, or put it with `ndr jobspec put FILE`."
        )
    return parse_jobspec(item)


def read_jobspecs(
    table: Table, project_name: str, feature_spec_version: str, jobs: Iterable[Job[Any]] = JOBS
) -> list[JobSpec[Any]]:
    """Read those of `jobs` that the table holds, validated."""
    found = []
    for job in jobs:
        try:
            found.append(read_jobspec(table, project_name, job, feature_spec_version))
        except JobSpecNotFoundError:
            continue
    return found


def put_jobspec(table: Table, jobspec: JobSpec[Any]) -> None:
    """Write one JobSpec as its sources spelled it: defaults are not written, so that they can improve."""
    document = json.loads(jobspec.model_dump_json(exclude={"spec"}))
    spec = jobspec.spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    item = {**document, "job_name_version": jobspec.job_name_version, "spec": spec}
    # DynamoDB has no binary floats; a round trip through JSON text makes each one an exact Decimal.
    table.put_item(Item=json.loads(json.dumps(item), parse_float=Decimal))
