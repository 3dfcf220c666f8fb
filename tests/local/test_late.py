"""Events that came late, end to end in the account's S3: found, built into their slice, counted once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.jobs.job_chain import Project, random_flows

from ministack_sagemaker.lifecycle import Account
from ndr.contract.datasets import DELTAS, FG_A
from ndr.contract.layout import TimeLayout
from ndr.contract.manifest import Owner
from ndr.contract.time import SLICE, Interval, format_instant, mini_batch_id, parse_instant
from ndr.jobs.deltas.job import publish_deltas
from ndr.planner.feature_prefixes import FeaturePrefixes
from ndr.planner.late_files import LateData, find_late
from ndr.store import storage
from ndr.store.scan import Scan

START = parse_instant("2026-01-05T10:00:00Z")
HOUR = Interval(START, START + 4 * SLICE)
BUCKET = "late-data"
OWNER = Owner("ndr-test", "v1")


@dataclass
class InS3(Project):
    """A project whose datasets lie in a bucket."""

    def uri(self, dataset: str) -> str:
        return f"s3://{BUCKET}/{dataset}/"

    def rebuild(self, batch: Interval) -> None:
        """Run the 15m pipeline's jobs as a plan with this batch would."""
        name = f"rebuild-{mini_batch_id(batch)}"
        list(publish_deltas(self.run("delta_builder"), self.spec("delta_builder"), name, batch))
        self.fg_a(batch)
        self.pair_counts(batch)

    def sessions(self) -> Counter[str]:
        """Outbound sessions by slice."""
        rows = Scan.of(self.uri("deltas"), DELTAS, HOUR).read().to_pylist()
        found: Counter[str] = Counter()
        for row in rows:
            if row["role"] == "outbound":
                found[format_instant(row["slice_start"])] += row["sessions_cnt"]
        return found


@pytest.fixture
def project(account: Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[InS3]:
    storage.forget_clients()  # a process keeps one S3 client, which may be of an account that another test stopped
    for name, value in account.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it may have the credentials of another account
    s3 = account.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):  # of the test before
        for item in page.get("Contents", []):
            s3.delete_object(Bucket=BUCKET, Key=item["Key"])
    yield InS3(tmp_path, {"fg_a_builder": {"windows": ["15m", "1h"]}})
    storage.forget_clients()


def late(account: Account, wanted: Interval = HOUR, layout: TimeLayout | None = None) -> LateData:
    datasets = {name: f"s3://{BUCKET}/{name}/" for name in ("integration", "deltas", "fg_a", "pair_counts", "fg_b")}
    prefixes = FeaturePrefixes(owner=OWNER, lookback_days=30, layout=layout, **datasets)
    return find_late(account.client("s3"), prefixes, wanted)


def test_late_events_end_up_in_their_slice_and_are_counted_once(account: Account, project: InS3) -> None:
    slices = list(HOUR.steps(SLICE))
    flows = {each: random_flows(each, 40, seed=number) for number, each in enumerate(slices)}
    out_of_batch, own = flows[slices[0]][:5], flows[slices[0]][5:]
    project.deliver(slices[0], own)
    project.deliver(slices[1], flows[slices[1]][:30])
    project.deliver(slices[2], [*flows[slices[2]], *out_of_batch])
    for each in slices[:3]:
        project.fifteen_minute_steps(each)
    assert [folder.interval for folder in late(account).late] == [slices[0]]  # what slice 2 brought for slice 0
    project.deliver(slices[1], flows[slices[1]][30:], name="part-1.json")  # after slice 1 was published
    project.deliver(slices[3], flows[slices[3]])  # never built at all

    found = late(account)
    assert sorted({folder.interval for folder in found.late}) == [slices[0], slices[1], slices[3]]
    assert found.stranded == []
    assert found.batches == [HOUR]
    for batch in found.batches:
        project.rebuild(batch)

    assert project.sessions() == {format_instant(each.start): len(flows[each]) for each in slices}
    assert late(account).late == ()
    hour = [row for row in Scan.of(project.uri("fg_a"), FG_A, HOUR).read().to_pylist() if _is_whole_hour(row)]
    assert sum(row["sessions_cnt"] for row in hour) == sum(map(len, flows.values()))

    project.fifteen_minute_steps(slices[2])  # the source batch is read again: nothing changes
    project.rebuild(HOUR)
    assert project.sessions() == {format_instant(each.start): len(flows[each]) for each in slices}
    assert late(account).late == ()


def _is_whole_hour(row: dict[str, Any]) -> bool:
    return bool(row["role"] == "outbound" and row["window_label"] == "1h" and row["window_end"] == HOUR.end)


def test_files_in_folders_by_time_that_came_late_are_built_into_their_slices(account: Account, project: InS3) -> None:
    layout = TimeLayout("eu-west-1/%Y/%m/%d/%H/", SLICE)
    inputs = {"integration": project.uri("integration"), "layout": layout.pattern, "delivery_delay": "PT15M"}
    stream = InS3(project.root, {"delta_builder": {"inputs": inputs}})
    flows = random_flows(HOUR, 40, seed=7)
    reach = Interval(HOUR.start - SLICE, HOUR.end + SLICE)
    wanted = Interval(reach.start, reach.end + SLICE)
    for name, part in (("a.json", flows[:30]), ("b.json", flows[30:])):
        content = "".join(json.dumps(flow) + "\n" for flow in part).encode()
        storage.put_bytes(f"{stream.uri('integration')}{layout.folder_name(HOUR.start)}{name}", content)
        found = late(account, wanted, layout)
        assert [folder.interval for folder in found.late] == [reach]
        assert found.batches == [reach]
        stream.rebuild(reach)
        assert late(account, wanted, layout).late == ()
    assert sum(stream.sessions().values()) == len(flows)
