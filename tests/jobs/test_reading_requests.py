"""What reading costs in requests: each small file one GET, however many columns and metrics are taken from it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pytest
from tests.recorded_s3 import Requests, recorded

from ministack_sagemaker.lifecycle import Account
from ndr.contract.datasets import PAIR_COUNTS
from ndr.contract.errors import SchemaMismatchError
from ndr.contract.manifest import Owner
from ndr.contract.time import SLICE, Interval, parse_instant
from ndr.store import storage
from ndr.store.partition import time_partition_uri
from ndr.store.publish import PartitionWriter
from ndr.store.scan import Scan
from ndr.store.schema import arrow_schema
from ndr.store.storage import put_bytes, read_bytes

OWNER = Owner("ndr-test", "v1")
DAY_ONE = Interval(parse_instant("2026-01-05"), parse_instant("2026-01-06"))


@dataclass(frozen=True)
class Bucket:
    """A bucket of the account, and the requests that reach it."""

    uri: str
    requests: Requests


@pytest.fixture
def bucket(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    name = f"reading-{uuid.uuid4().hex[:12]}"
    account.client("s3").create_bucket(Bucket=name)
    with recorded(account.endpoint_url) as (url, requests):
        storage.forget_clients()
        for key, value in account.environment().items():
            monkeypatch.setenv(key, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        yield Bucket(f"s3://{name}", requests)
        storage.forget_clients()


def publish(prefix: str, interval: Interval) -> None:
    row = {"src_ip": "10.0.0.1", "dst_ip": "10.0.0.2", "dst_port": 53, "sessions_cnt": 1, "bytes": 1}
    rows = [row | {"slice_start": each.start} for each in interval.steps(SLICE)]
    writer = PartitionWriter(time_partition_uri(prefix, interval))
    writer.write(pa.Table.from_pylist(rows, arrow_schema(PAIR_COUNTS)), PAIR_COUNTS)
    facts = {"dataset": "pair_counts", "code_version": "tests", **OWNER._asdict()}
    writer.commit(start=interval.start, end=interval.end, **facts)


def test_a_file_is_one_request(bucket: Bucket) -> None:
    put_bytes(f"{bucket.uri}/a/file", b"content")
    assert bucket.requests.counts() == {"PUT": 1}
    bucket.requests.seen.clear()
    assert read_bytes(f"{bucket.uri}/a/file") == b"content"
    assert read_bytes(f"{bucket.uri}/a/none") is None
    assert bucket.requests.counts() == {"GET": 2}


def test_a_scan_reads_each_manifest_and_each_file_once(bucket: Bucket) -> None:
    slices = list(DAY_ONE.steps(SLICE))[:12]
    for each in slices:
        publish(f"{bucket.uri}/pair_counts", each)
    bucket.requests.seen.clear()

    rows = Scan.of(f"{bucket.uri}/pair_counts", PAIR_COUNTS, DAY_ONE, owner=OWNER).read()

    assert rows.num_rows == 12
    assert bucket.requests.counts() == {"LIST": 1, "GET": 24}
    gets = bucket.requests.paths("GET")
    assert len(set(gets)) == 24
    assert sum(path.endswith("_manifest.json") for path in gets) == 12


def test_a_file_that_is_gone_is_named(bucket: Bucket) -> None:
    publish(f"{bucket.uri}/pair_counts", DAY_ONE)
    scan = Scan.of(f"{bucket.uri}/pair_counts", PAIR_COUNTS, DAY_ONE, owner=OWNER)
    ((file, _),) = scan.published_files()
    system, path = storage.filesystem(file.uri)
    system.delete_file(path)
    with pytest.raises(SchemaMismatchError, match=f"{file.uri} can't be read as pair_counts"):
        scan.read()
