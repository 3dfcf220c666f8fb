"""Whether the buckets of the JobSpecs' prefixes exist and the stack's roles can reach them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from botocore.exceptions import ClientError

from ndr.contract.jobspecs.check import read_prefixes, written_prefixes
from ndr.contract.stack_buckets import bucket_of
from ndr.local.check.finding import Finding, broken, guarded, ok
from ndr.local.check.permissions import check_permissions
from ndr.local.check.stack import Stack

AREA: Final = "prefixes"


def check_prefixes(stack: Stack) -> Iterator[Finding]:
    """Look at each prefix's bucket, then simulate what the jobs and the planner do below the prefixes."""
    prefixes = {
        prefix: dataset
        for jobspec in stack.valid_jobspecs.values()
        for dataset, prefix in {**read_prefixes(jobspec), **written_prefixes(jobspec)}.items()
    }
    for prefix, dataset in prefixes.items():
        if bucket_of(prefix) is None:
            yield broken(
                AREA,
                f"{dataset} is at {prefix}, which is a folder of a job's container and ends with it.",
                "Write an s3:// prefix into the JobSpec.",
            )
    for bucket in sorted({bucket for prefix in prefixes if (bucket := bucket_of(prefix))}):
        yield from guarded(AREA, partial(_check_bucket, stack, bucket))
    yield from guarded(AREA, lambda: check_permissions(stack, AREA, ("s3",)))


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
