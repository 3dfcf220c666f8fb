"""What the planner asks of an account, in memory: a thousand plans take seconds. `test_fast_services` holds it to moto.

Before each call another process may act: `between` is called, and may do anything to the same services.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from botocore.exceptions import ClientError

Item = dict[str, Any]
Between = Callable[[], None]
_TERM: Final = re.compile(r"(?:attribute_(not_)?exists\((\w+)\)|(\w+) IN \(([^)]*)\)|(\w+) = (:\w+))")


def nothing() -> None:
    """What happens between two calls where one process is alone."""


def refused(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)


@dataclass
class Ledger:
    """A table of DynamoDB with the keys `series` and `as_of`, as far as claims and events use it."""

    between: Between = nothing
    name: str = "ledger"
    items: dict[tuple[str, str], Item] = field(default_factory=dict)

    def get_item(self, *, Key: Mapping[str, str], ConsistentRead: bool) -> Item:  # noqa: N803 - boto3's spelling
        self.between()
        found = self.items.get(_key(Key))
        return {"Item": dict(found)} if found else {}

    def update_item(
        self,
        *,
        Key: Mapping[str, str],  # noqa: N803
        UpdateExpression: str,  # noqa: N803
        ConditionExpression: str,  # noqa: N803
        ExpressionAttributeValues: Mapping[str, Any],  # noqa: N803
    ) -> None:
        self.between()
        item = self.items.get(_key(Key), {})
        self._check(ConditionExpression, item, ExpressionAttributeValues, "UpdateItem")
        if UpdateExpression.startswith("REMOVE "):
            removed = UpdateExpression.removeprefix("REMOVE ").split(", ")
            self.items[_key(Key)] = {name: value for name, value in item.items() if name not in removed}
            return
        assignments = UpdateExpression.removeprefix("SET ").split(", ")
        values = {name: ExpressionAttributeValues[value] for name, _, value in (each.split() for each in assignments)}
        self.items[_key(Key)] = {**Key, **item, **values}

    def delete_item(
        self,
        *,
        Key: Mapping[str, str],  # noqa: N803
        ConditionExpression: str,  # noqa: N803
        ExpressionAttributeValues: Mapping[str, Any],  # noqa: N803
    ) -> None:
        self.between()
        self._check(ConditionExpression, self.items.get(_key(Key), {}), ExpressionAttributeValues, "DeleteItem")
        self.items.pop(_key(Key), None)

    def query(
        self,
        *,
        KeyConditionExpression: str,  # noqa: N803
        ExpressionAttributeValues: Mapping[str, Any],  # noqa: N803
        ConsistentRead: bool,  # noqa: N803
    ) -> Item:
        self.between()
        assert KeyConditionExpression == "series = :series"
        asked = ExpressionAttributeValues[":series"]
        return {"Items": [dict(item) for (series, _), item in sorted(self.items.items()) if series == asked]}

    def put_item(self, *, Item: Item) -> None:  # noqa: N803
        self.between()
        self.items[_key(Item)] = dict(Item)

    def _check(self, condition: str, item: Item, values: Mapping[str, Any], operation: str) -> None:
        """Evaluate terms, of each of which there may be alternatives: what claims and events write."""
        terms = [term.removeprefix("(") for term in condition.split(" AND ")]
        if not all(any(_is_true(each, item, values) for each in term.split(" OR ")) for term in terms):
            raise refused("ConditionalCheckFailedException", operation)


def _is_true(term: str, item: Item, values: Mapping[str, Any]) -> bool:
    found = _TERM.fullmatch(term.replace("))", ")"))
    assert found, term
    negated, exists, listed, names, compared, value = found.groups()
    if exists:
        return (exists in item) != bool(negated)
    if listed:
        return listed in item and item[listed] in [values[name.strip()] for name in names.split(",")]
    return compared in item and item[compared] == values[value]


def _key(key: Mapping[str, str]) -> tuple[str, str]:
    return key["series"], key["as_of"]


@dataclass
class Objects:
    """A bucket of S3: bytes and time of each key."""

    between: Between = nothing
    held: dict[str, tuple[bytes, datetime]] = field(default_factory=dict)

    def put(self, key: str, content: bytes, at: datetime) -> None:
        self.held[key] = content, at.replace(microsecond=0)

    def get_object(self, *, Bucket: str, Key: str) -> Item:  # noqa: N803
        self.between()
        if Key not in self.held:
            raise refused("NoSuchKey", "GetObject")
        return {"Body": _Body(self.held[Key][0])}

    def get_paginator(self, operation: str) -> _Pages:
        assert operation == "list_objects_v2"
        return _Pages(self._pages)

    def _pages(self, *, Bucket: str, Prefix: str, StartAfter: str = "", Delimiter: str = "") -> Iterator[Item]:  # noqa: N803
        self.between()
        keys = [key for key in sorted(self.held) if key.startswith(Prefix) and key > StartAfter]
        rolled = {_rolled(key, Prefix, Delimiter): None for key in keys} if Delimiter else dict.fromkeys(keys)
        folders = [name for name in rolled if name not in self.held]
        files = [name for name in rolled if name in self.held]
        yield {
            "CommonPrefixes": [{"Prefix": name} for name in folders],
            "Contents": [
                {"Key": key, "Size": len(self.held[key][0]), "LastModified": self.held[key][1]} for key in files
            ],
        }


def _rolled(key: str, prefix: str, delimiter: str) -> str:
    folder, found, _ = key[len(prefix) :].partition(delimiter)
    return prefix + folder + found


@dataclass(frozen=True)
class _Body:
    content: bytes

    def read(self) -> bytes:
        return self.content


@dataclass(frozen=True)
class _Pages:
    paginate: Callable[..., Iterable[Item]]


@dataclass
class Pipelines:
    """SageMaker's pipeline executions: their parameters, start and status, by ARN."""

    between: Between = nothing
    executions: dict[str, Item] = field(default_factory=dict)

    def start(self, parameters: Mapping[str, str], at: datetime) -> str:
        arn = f"arn:aws:sagemaker:us-east-1:123456789012:pipeline/p/execution/{len(self.executions):012}"
        self.executions[arn] = {"parameters": dict(parameters), "StartTime": at, "PipelineExecutionStatus": "Executing"}
        return arn

    def describe_pipeline_execution(self, *, PipelineExecutionArn: str) -> Item:  # noqa: N803
        self.between()
        if PipelineExecutionArn not in self.executions:
            raise refused("ResourceNotFound", "DescribePipelineExecution")
        return dict(self.executions[PipelineExecutionArn])

    def get_paginator(self, operation: str) -> _Pages:
        return _Pages(self._listed if operation == "list_pipeline_executions" else self._parameters)

    def _listed(self, **_: Any) -> Iterator[Item]:
        self.between()
        yield {
            "PipelineExecutionSummaries": [
                {"PipelineExecutionArn": arn, **facts} for arn, facts in self.executions.items()
            ]
        }

    def _parameters(self, *, PipelineExecutionArn: str) -> Iterator[Item]:  # noqa: N803
        self.between()
        parameters = self.executions[PipelineExecutionArn]["parameters"]
        yield {"PipelineParameters": [{"Name": name, "Value": value} for name, value in parameters.items()]}


@dataclass
class States:
    """Step Functions: the status of each execution of a machine, by ARN."""

    between: Between = nothing
    statuses: dict[str, str] = field(default_factory=dict)

    def describe_execution(self, *, executionArn: str) -> Item:  # noqa: N803
        self.between()
        if executionArn not in self.statuses:
            raise refused("ExecutionDoesNotExist", "DescribeExecution")
        return {"status": self.statuses[executionArn]}
