"""Compaction in the account's S3: planned by names, values kept, what is replaced deleted, late data over it found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.jobs.job_chain import random_flows
from tests.local.test_late import BUCKET, HOUR, OWNER, InS3, late, project

from ministack_sagemaker.lifecycle import Account
from ndr.contract.datasets import DELTAS, FG_A, PAIR_COUNTS, PEER_DELTAS
from ndr.contract.time import DAY, SLICE, Interval, floor_to, format_instant
from ndr.jobs.compaction.job import Compacted, Outcome, compact_days
from ndr.planner.compaction import days_to_compact
from ndr.planner.feature_prefixes import FeaturePrefixes
from ndr.store.scan import Scan
from ndr.store.sweep import Swept

__all__ = ["project"]  # a fixture
TODAY = Interval(floor_to(HOUR.start, DAY), floor_to(HOUR.start, DAY) + DAY)
TABLES = ((DELTAS, "deltas"), (PEER_DELTAS, "deltas"), (PAIR_COUNTS, "pair_counts"), (FG_A, "fg_a"))


def days(account: Account) -> list[Interval]:
    uris = {name: f"s3://{BUCKET}/{name}/" for name in ("integration", "deltas", "fg_a", "pair_counts", "fg_b")}
    prefixes = FeaturePrefixes(owner=OWNER, lookback_days=30, **uris)
    return days_to_compact(account.client("s3"), prefixes, Interval(TODAY.start - DAY, TODAY.end + DAY))


def compact(project: InS3, after: timedelta = timedelta()) -> list[Outcome]:
    return list(compact_days(project.run("compaction"), TODAY, datetime.now(UTC) + after))


def values(project: InS3) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for dataset, folder in TABLES:
        rows = Scan.of(project.uri(folder), dataset, TODAY, owner=OWNER).read()
        found[dataset.name] = rows.sort_by([(name, "ascending") for name in dataset.key]).to_pylist()
    return found


def keys(account: Account, dataset: str) -> list[str]:
    pages = account.client("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{dataset}/dt=")
    return [item["Key"] for page in pages for item in page.get("Contents", [])]


@pytest.mark.timeout(600)
def test_a_day_of_slices_becomes_one_partition_and_late_data_goes_over_it(account: Account, project: InS3) -> None:
    slices = list(HOUR.steps(SLICE))
    flows = {each: random_flows(each, 20, seed=number) for number, each in enumerate(slices)}
    for each in slices:
        project.deliver(each, flows[each][:15] if each == slices[1] else flows[each])
        project.fifteen_minute_steps(each)
    before = values(project)
    assert days(account) == [TODAY]

    assert [type(each) for each in compact(project)] == [Compacted] * 3

    assert values(project) == before
    assert late(account).late == ()
    assert days(account) == [TODAY], "the slices are still there"

    swept = compact(project, 3 * DAY)
    assert [each.interval for each in swept if isinstance(each, Swept)] == 3 * slices
    assert values(project) == before
    assert late(account).late == ()
    assert days(account) == []
    for dataset in ("deltas", "pair_counts", "fg_a"):
        assert {key.split("/")[2] for key in keys(account, dataset)} == {"20260105T100000Z-PT60M"}, "no folder is left"

    project.deliver(slices[1], flows[slices[1]][15:], name="part-1.json")
    assert [folder.interval for folder in late(account).late] == [slices[1]]
    for batch in late(account).batches:
        project.rebuild(batch)
    assert late(account).late == ()
    assert project.sessions() == {format_instant(each.start): len(flows[each]) for each in slices}
    built = values(project)
    compact(project)
    compact(project, 3 * DAY)
    assert values(project) == built
    assert days(account) == []
