"""Logs are read where they lie in S3: by `ndr ingest`, and by the delta builder."""

from __future__ import annotations

import gzip
import uuid
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from tests.jobs.job_chain import Project
from tests.unit.test_pan_os import line

from ministack_sagemaker.lifecycle import Account
from ndr.contract.time import Interval, mini_batch_id, parse_instant
from ndr.local.ingest import ingest
from ndr.store import storage
from ndr.store.storage import put_bytes

BATCH = Interval(parse_instant("2026-01-31T06:00:00Z"), parse_instant("2026-01-31T06:15:00Z"))
LOG = gzip.compress(
    "\n".join(line(c40=str(number)) for number in range(1, 20_001)).encode()
)  # more than is read to recognise it


@pytest.fixture
def bucket(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    name = f"logs-{uuid.uuid4().hex[:12]}"
    account.client("s3").create_bucket(Bucket=name)
    storage.forget_clients()
    for key, value in account.environment().items():
        monkeypatch.setenv(key, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it has the credentials of the test before
    yield f"s3://{name}"
    storage.forget_clients()


def test_logs_below_a_prefix_are_ingested(bucket: str, tmp_path: Path) -> None:
    put_bytes(f"{bucket}/firewall/fw-1/pan.log.gz", LOG)
    put_bytes(f"{bucket}/firewall/readme.txt", b"nothing\n")
    report = ingest(f"{bucket}/firewall/", tmp_path.as_uri(), time_zone="UTC")
    assert (report.rows_out, [file.path for file in report.files]) == (20_000, [f"{bucket}/firewall/fw-1/pan.log.gz"])
    assert [each.path for each in report.left_out] == [f"{bucket}/firewall/readme.txt"]


def test_the_delta_builder_reads_logs_where_they_lie(bucket: str, tmp_path: Path) -> None:
    inputs = {"integration": f"{bucket}/flows/", "source": "pan_os"}
    project = Project(tmp_path, {"delta_builder": {"inputs": inputs, "time_zone": "UTC"}})
    put_bytes(f"{bucket}/flows/{mini_batch_id(BATCH)}/pan.log.gz", LOG)
    (manifest,) = project.deltas(BATCH)
    assert manifest.rows is not None
    assert (manifest.rows.rows_used, manifest.rows.rows_quarantined) == (20_000, 0)
