"""JobSpecs that name a bucket which the roles of the stack do not reach are refused by name."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.statemachines.jobspecs import documents

from ndr.contract.errors import JobSpecInvalidError
from ndr.contract.jobspecs import DELTA_BUILDER, parse_jobspec
from ndr.contract.stack_buckets import DATA_BUCKET, TRAFFIC_BUCKET_ARNS, StackBuckets
from ndr.jobs.run import Run

JOBSPECS = [parse_jobspec(document) for document in documents("ndr", bucket="ndr-data")]
DELTAS = [each for each in JOBSPECS if each.job_name == "delta_builder"]


def test_the_environment_of_a_function_or_job_names_them() -> None:
    arns = "arn:aws:s3:::corp-zeek,arn:aws-cn:s3:::other"
    assert StackBuckets.in_environment({DATA_BUCKET: "own", TRAFFIC_BUCKET_ARNS: arns}) == StackBuckets(
        "own", ("corp-zeek", "other")
    )
    assert StackBuckets.in_environment({DATA_BUCKET: "own"}) == StackBuckets("own")
    assert StackBuckets.in_environment({DATA_BUCKET: "own", TRAFFIC_BUCKET_ARNS: ""}) == StackBuckets("own")
    assert StackBuckets.in_environment({}) is None


def test_everything_in_the_data_bucket_is_reached() -> None:
    StackBuckets("ndr-data").check(JOBSPECS)


def test_traffic_of_another_bucket_is_read_if_the_stack_was_given_the_bucket() -> None:
    StackBuckets("own", ("ndr-data",)).check_reads(JOBSPECS)
    with pytest.raises(
        JobSpecInvalidError,
        match=re.escape(
            "delta_builder reads integration from s3://ndr-data/ndr/integration/, and jobs of this stack may read from "
            "'own' and 'logs' only: deploy it with the ARN of the bucket 'ndr-data' in TrafficBucketArns."
        ),
    ):
        StackBuckets("own", ("logs",)).check_reads(DELTAS)


def test_nothing_is_published_to_a_bucket_that_is_only_read() -> None:
    with pytest.raises(
        JobSpecInvalidError,
        match=r"delta_builder writes deltas to s3://ndr-data/ndr/v1/deltas/, .* data bucket 'own' only: .*"
        r"ExistingDataBucket=ndr-data\.",
    ):
        StackBuckets("own", ("ndr-data",)).check(DELTAS)


class Table:
    """A JobSpec table with the JobSpecs of one project."""

    name = "specs"

    def get_item(self, Key: dict[str, str], **_: Any) -> dict[str, Any]:  # noqa: N803  as DynamoDB has it
        (document,) = [each for each in documents("ndr") if Key["job_name_version"] == f"{each['job_name']}#v1"]
        return {"Item": document}

    def put_item(self, **_: Any) -> Any:
        raise AssertionError("a job writes no JobSpec")


def test_a_job_in_a_stack_refuses_them_before_it_reads_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run("delta_builder", "ndr", "v1", Table(), code_version="test")
    assert run.spec(DELTA_BUILDER).inputs.integration == "s3://ndr-data/ndr/integration/"
    monkeypatch.setenv(DATA_BUCKET, "own")
    with pytest.raises(JobSpecInvalidError, match="'ndr-data' in TrafficBucketArns; delta_builder writes deltas"):
        run.spec(DELTA_BUILDER)
    monkeypatch.setenv(DATA_BUCKET, "ndr-data")
    assert run.spec(DELTA_BUILDER).inputs.integration == "s3://ndr-data/ndr/integration/"


def test_prefixes_on_a_disk_are_nobodys_bucket() -> None:
    document = documents("ndr")[0]
    document["spec"] = {"inputs": {"integration": "file:///in/"}, "outputs": {"deltas": "file:///v1/deltas/"}}
    StackBuckets("own").check([parse_jobspec(document)])
