"""Whether the buckets of the JobSpecs' prefixes exist and the stack's roles can reach them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from botocore.exceptions import ClientError

from ndr.contract.jobspecs import JobSpec
from ndr.contract.jobspecs.check import read_prefixes, written_prefixes
from ndr.local.check.finding import Finding, broken, guarded, ok
from ndr.local.check.roles import refused_actions
from ndr.local.check.stack import Stack
from ndr.planner.keys import bucket_and_key

AREA: Final = "prefixes"
READ: Final = ("s3:GetObject",)
WRITE: Final = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")
OF_A_MANIFEST: Final = "dt=2026-01-31/20260131T061500Z-PT15M/_manifest.json"
OF_A_DELIVERY: Final = "20260131T061500Z-PT15M/part"


@dataclass(frozen=True, slots=True)
class Need:
    """What a role does below a prefix: list it, and some actions with the objects below it."""

    role: str
    dataset: str
    prefix: str
    actions: tuple[str, ...]
    key: str


def check_prefixes(stack: Stack) -> Iterator[Finding]:
    """Look at each prefix's bucket, then simulate what the jobs and the planner do below the prefix."""
    needs = needs_of(stack)
    for need in [need for need in needs if not need.prefix.startswith("s3://")]:
        yield broken(
            AREA,
            f"{need.dataset} is at {need.prefix}, which is a folder of a job's container and ends with it.",
            "Write an s3:// prefix into the JobSpec.",
        )
    in_s3 = [need for need in needs if need.prefix.startswith("s3://")]
    for bucket in sorted({bucket_and_key(need.prefix)[0] for need in in_s3}):
        yield from guarded(AREA, partial(_check_bucket, stack, bucket))
    for role in dict.fromkeys(need.role for need in in_s3):
        yield from guarded(AREA, partial(_check_role, stack, role, [need for need in in_s3 if need.role == role]))


def needs_of(stack: Stack) -> list[Need]:
    """Return what the role of the jobs and that of plan_run do below each prefix of the readable JobSpecs."""
    written = _prefixes(stack, written_prefixes)
    needs = [Need("PipelineRole", name, prefix, WRITE, OF_A_MANIFEST) for name, prefix in written.items()]
    delivered = {name: prefix for name, prefix in _prefixes(stack, read_prefixes).items() if name not in written}
    needs += [Need("PipelineRole", name, prefix, READ, OF_A_DELIVERY) for name, prefix in delivered.items()]
    needs += [Need("PlanRunRole", name, prefix, READ, OF_A_MANIFEST) for name, prefix in written.items()]
    needs += [Need("PlanRunRole", name, prefix, (), "") for name, prefix in delivered.items()]
    return needs


def _prefixes(stack: Stack, of: Callable[[JobSpec[Any]], dict[str, str]]) -> dict[str, str]:
    return {name: prefix for jobspec in stack.valid_jobspecs.values() for name, prefix in of(jobspec).items()}


def _check_bucket(stack: Stack, bucket: str) -> Iterator[Finding]:
    try:
        stack.client("s3").list_objects_v2(Bucket=bucket, MaxKeys=1)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise
        yield broken(
            AREA,
            f"The bucket {bucket} of the JobSpecs does not exist.",
            f"Write prefixes of {stack.outputs['DataBucketName']} into the JobSpecs, or create the bucket.",
        )
    else:
        yield ok(AREA, f"The bucket {bucket} exists.")


def _check_role(stack: Stack, role: str, needs: list[Need]) -> Iterator[Finding]:
    refused: dict[tuple[str, ...], list[str]] = {}
    for need in needs:
        if actions := _refused(stack, need):
            refused.setdefault(actions, []).append(f"{need.dataset} ({need.prefix})")
    for actions, places in refused.items():
        yield broken(
            AREA,
            f"{role} may not {', '.join(actions)} for {', '.join(places)}.",
            f"Use prefixes in {stack.outputs['DataBucketName']} or in a bucket that the template is told of "
            "(docs/deploy.md#data-in-other-buckets). If the role was edited, undo that.",
        )
    if not refused:
        yield ok(AREA, f"{role} may reach {', '.join(dict.fromkeys(need.dataset for need in needs))}.")


def _refused(stack: Stack, need: Need) -> tuple[str, ...]:
    bucket, key = bucket_and_key(need.prefix)
    arn = f"arn:{stack.partition}:s3:::{bucket}"
    refused = refused_actions(stack, need.role, ["s3:ListBucket"], arn, {"s3:prefix": key})
    if need.actions:
        refused += refused_actions(stack, need.role, need.actions, f"{arn}/{key}{need.key}")
    return tuple(refused)
