"""The buckets that the roles of a stack reach, and the JobSpecs that name others."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ndr.contract.errors import JobSpecInvalidError
from ndr.contract.jobspecs.check import read_prefixes, written_prefixes
from ndr.contract.jobspecs.item import JobSpec

DATA_BUCKET: Final = "NDR_DATA_BUCKET"
"""Environment variable of functions and jobs: the name of the stack's data bucket."""

TRAFFIC_BUCKET_ARNS: Final = "NDR_TRAFFIC_BUCKET_ARNS"
"""Environment variable of functions and jobs: ARNs of the other buckets that jobs read, separated by commas."""


@dataclass(frozen=True)
class StackBuckets:
    """The buckets that the roles of a stack reach.

    Attributes
    ----------
    data : str
        Name of the data bucket, which jobs read and publish to.
    traffic : tuple of str
        Names of the other buckets, which jobs only read.
    """

    data: str
    traffic: tuple[str, ...] = ()

    @classmethod
    def in_environment(cls, environment: Mapping[str, str] = os.environ) -> StackBuckets | None:
        """Return the buckets that the environment names; None outside a stack, where nothing is known of roles."""
        data = environment.get(DATA_BUCKET)
        arns = environment.get(TRAFFIC_BUCKET_ARNS, "").split(",")
        return cls(data, tuple(arn.rpartition(":")[2] for arn in arns if arn)) if data else None

    def check_reads(self, jobspecs: Iterable[JobSpec[Any]]) -> None:
        """Refuse JobSpecs that read from a bucket which jobs may not read.

        Raises
        ------
        JobSpecInvalidError
            One sentence for each prefix, with the template parameter to set.
        """
        self._refuse(self._unreadable(list(jobspecs)))

    def check(self, jobspecs: Iterable[JobSpec[Any]]) -> None:
        """Refuse JobSpecs that read from or write to a bucket where jobs may not.

        Raises
        ------
        JobSpecInvalidError
            One sentence for each prefix, with the template parameter to set.
        """
        given = list(jobspecs)
        self._refuse([*self._unreadable(given), *self._unwritable(given)])

    def _unreadable(self, jobspecs: list[JobSpec[Any]]) -> list[str]:
        readable = (self.data, *self.traffic)
        return [
            f"{jobspec.job_name} reads {dataset} from {prefix}, and jobs of this stack may read from {_list(readable)} "
            f"only: deploy it with the ARN of the bucket {bucket_of(prefix)!r} in TrafficBucketArns"
            for jobspec in jobspecs
            for dataset, prefix in read_prefixes(jobspec).items()
            if bucket_of(prefix) not in (None, *readable)
        ]

    def _unwritable(self, jobspecs: list[JobSpec[Any]]) -> list[str]:
        return [
            f"{jobspec.job_name} writes {dataset} to {prefix}, and jobs of this stack may write to its data bucket "
            f"{self.data!r} only: write a prefix of that bucket, or deploy a stack with "
            f"ExistingDataBucket={bucket_of(prefix)}"
            for jobspec in jobspecs
            for dataset, prefix in written_prefixes(jobspec).items()
            if bucket_of(prefix) not in (None, self.data)
        ]

    @staticmethod
    def _refuse(problems: list[str]) -> None:
        if problems:
            raise JobSpecInvalidError("The stack's roles do not reach what JobSpecs name: " + "; ".join(problems) + ".")


def bucket_of(prefix: str) -> str | None:
    """Return the bucket of an S3 prefix; None of another."""
    return prefix.removeprefix("s3://").partition("/")[0] if prefix.startswith("s3://") else None


def _list(names: Iterable[str]) -> str:
    return " and ".join(repr(name) for name in names)
