"""What reading costs in requests: each small file one GET, however many columns and metrics are taken from it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pyarrow as pa
import pytest
from tests.jobs.job_chain import Project, random_flows
from tests.recorded_s3 import Requests, recorded

from ministack_sagemaker.lifecycle import Account
from ndr.contract.datasets import FG_A_METRICS, PAIR_COUNTS
from ndr.contract.errors import SchemaMismatchError
from ndr.contract.manifest import Manifest, Owner
from ndr.contract.time import SLICE, Interval, parse_instant
from ndr.jobs.fg_b.targets import Target
from ndr.store import storage
from ndr.store.partition import time_partition_uri
from ndr.store.publish import PartitionWriter, in_key_order
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
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it has the credentials of the test before
        yield Bucket(f"s3://{name}", requests)
        storage.forget_clients()


def publish(prefix: str, interval: Interval) -> None:
    write(prefix, interval, pa.concat_tables([pairs_of(each, 1) for each in interval.steps(SLICE)]))


def pairs_of(each: Interval, count: int) -> pa.Table:
    columns = {
        "src_ip": [f"10.0.{number // 200}.{number % 200}" for number in range(count)],
        "dst_ip": ["192.0.2.1"] * count,
        "dst_port": [53] * count,
        "slice_start": [each.start] * count,
        **{name: list(range(count)) for name in PAIR_COUNTS.column_names[4:]},
    }
    return pa.table(columns, schema=arrow_schema(PAIR_COUNTS))


def write(prefix: str, interval: Interval, rows: pa.Table) -> None:
    writer = PartitionWriter(time_partition_uri(prefix, interval))
    writer.write(in_key_order(rows, PAIR_COUNTS), PAIR_COUNTS)
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


@dataclass
class BucketProject(Project):
    """A project whose prefixes are in a bucket."""

    home: str = ""

    def uri(self, dataset: str) -> str:
        return f"{self.home}/{dataset}/"


@pytest.mark.parametrize("metrics", [1, 12])
def test_a_baseline_reads_each_slice_once_however_many_metrics(bucket: Bucket, tmp_path: Path, metrics: int) -> None:
    names = ["sessions_cnt", *(column.name for column in FG_A_METRICS if column.name != "sessions_cnt")][:metrics]
    changes = {
        "fg_a_builder": {"windows": ["15m", "1h"]},
        "fg_b_builder": {"metrics": names, "capping": {"key_metrics": names[:1]}, "min_coverage": 0.001},
    }
    project = BucketProject(tmp_path, changes, home=bucket.uri)
    slices = list(DAY_ONE.steps(SLICE))[:6]
    for number, each in enumerate(slices):
        project.deliver(each, random_flows(each, 20, seed=number))
        project.fifteen_minute_steps(each)
    bucket.requests.seen.clear()

    ((_, built),) = project.baselines([Target(DAY_ONE.end, "7d")])

    assert isinstance(built, Manifest)
    for dataset in ("fg_a", "pair_counts"):
        gets = [path for path in bucket.requests.paths("GET") if f"/{dataset}/" in path]
        assert len(gets) == len(set(gets)) == 2 * len(slices), "a manifest and a file of each slice"
        assert not [path for path in bucket.requests.paths("HEAD") if f"/{dataset}/" in path]
        assert sum(f"/{dataset}/" in f"{path}/" for path in bucket.requests.paths("LIST")) == 1


def test_rows_of_slices_and_of_a_day_are_equal_at_a_bounded_cost(tmp_path: Path) -> None:
    """CPU seconds of one day in 96 files against one: opening a file costs some thousand rows, and not a hundred."""
    prefix = {name: (tmp_path / name).as_uri() for name in ("day", "slices")}
    rows = pa.concat_tables([pairs_of(each, 4000) for each in DAY_ONE.steps(SLICE)])
    write(prefix["day"], DAY_ONE, rows)
    for each in DAY_ONE.steps(SLICE):
        write(prefix["slices"], each, pairs_of(each, 4000))
    scans = {name: Scan.of(uri, PAIR_COUNTS, DAY_ONE, owner=OWNER) for name, uri in prefix.items()}
    read: dict[str, pa.Table] = {}
    seconds: dict[str, list[float]] = {"day": [], "slices": []}
    for _ in range(5):
        for name, scan in scans.items():
            begin = time.process_time()
            read[name] = scan.read(coded=True)
            seconds[name].append(time.process_time() - begin)
    key = [(name, "ascending") for name in PAIR_COUNTS.key]
    plain = arrow_schema(PAIR_COUNTS)
    assert read["slices"].cast(plain).sort_by(key).equals(read["day"].cast(plain).sort_by(key))
    assert min(seconds["slices"]) < 20 * min(seconds["day"])
