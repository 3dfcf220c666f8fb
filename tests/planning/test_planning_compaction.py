"""Which days LATE compacts, told by names, and what compaction leaves of lateness."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws
from tests.planning.test_planning_late import PREFIXES, PUBLISHED, Features, day
from tests.unit.test_planning_baselines import jobspecs

from ndr.contract.compacted import expanded, versions_within
from ndr.contract.manifest import Answer, InputEntry, InputFile, Manifest
from ndr.contract.time import SLICE, Interval, day_text, mini_batch_id
from ndr.planner.compaction import days_to_compact, with_compaction
from ndr.planner.delivered_files import Folder
from ndr.planner.late_files import late_folders
from ndr.planner.plan import BaselinesPlan

ASKED = Interval(day(-3).start + SLICE, day(3).end - SLICE)
PLAN = BaselinesPlan(
    project_name="ndr-prod",
    feature_spec_version="v1",
    dry_run=False,
    mode="LATE",
    horizon="both",
    reprocess="failed",
    max_concurrency=4,
    series={},
    message="Nothing is late.",
)


@pytest.fixture
def features() -> Iterator[Features]:
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="data")
        yield Features(s3)


def _put(features: Features, dataset: str, interval: Interval, *runs: str, manifest: bool = True) -> None:
    folder = f"v1/{dataset}/dt={day_text(interval.start)}/{mini_batch_id(interval)}"
    names = [f"{run}/{name}-00000.parquet" for run in runs for name in ("deltas", "peer_deltas")]
    for name in [*names, *(["_manifest.json", "_SUCCESS"] if manifest else [])]:
        features.s3.put_object(Bucket="data", Key=f"{folder}/{name}", Body=b"")


def test_finished_days_with_several_partitions_or_runs_are_compacted(features: Features) -> None:
    for number in range(-3, 4):
        _put(features, "pair_counts", day(number), "run-1")
    requests: list[str] = []
    features.s3.meta.events.register("before-call.s3", lambda model, **_: requests.append(model.name))
    assert days_to_compact(features.s3, PREFIXES, ASKED) == []
    assert requests == ["ListObjectsV2"] * 3
    plan = with_compaction(PLAN, features.s3, jobspecs(), PREFIXES, ASKED)
    assert plan is PLAN

    for part in (0, 2):  # a gap between them: each is a stretch of its own
        _put(features, "fg_a", Interval(day(1).start + part * SLICE, day(1).start + (part + 1) * SLICE), "r")
    assert days_to_compact(features.s3, PREFIXES, ASKED) == []

    for number, dataset in ((-3, "deltas"), (0, "deltas"), (2, "fg_a"), (3, "fg_a")):
        for part in range(2):
            _put(
                features,
                dataset,
                Interval(day(number).start + part * SLICE, day(number).start + (part + 1) * SLICE),
                "r",
            )
    _put(features, "pair_counts", day(1), "run-0")
    _put(features, "deltas", Interval(day(-1).start, day(-1).start + SLICE), "killed", manifest=False)
    assert days_to_compact(features.s3, PREFIXES, ASKED) == [day(-1), day(0), day(1), day(2)], "others reach outside"
    assert days_to_compact(features.s3, PREFIXES, Interval(day(1).start, day(1).end - SLICE)) == []

    plan = with_compaction(PLAN, features.s3, jobspecs(), PREFIXES, ASKED).with_suffix("-dev")
    assert plan.message == "Nothing is late. 4 days are compacted: 2026-01-04 to 2026-01-07."
    assert plan.document()["compaction"] == {
        "pipeline_name": "ndr-compaction-dev",
        "parameters": {
            "ProjectName": "ndr-prod",
            "FeatureSpecVersion": "v1",
            "DayStartTsIso": "2026-01-04T00:00:00Z",
            "DayEndTsIso": "2026-01-08T00:00:00Z",
        },
    }


@pytest.mark.parametrize(
    ("days", "told"),
    [
        ((0,), "One day is compacted: 2026-01-05."),
        ((0, 1), "2 days are compacted: 2026-01-05 to 2026-01-06."),
        ((-1, 0, 1), "3 days are compacted: 2026-01-04 to 2026-01-06."),
    ],
)
def test_a_plan_tells_the_days(features: Features, days: tuple[int, ...], told: str) -> None:
    for number in days:
        _put(features, "deltas", day(number), "run-1", "run-2")
    assert with_compaction(PLAN, features.s3, jobspecs(), PREFIXES, ASKED).message == f"Nothing is late. {told}"


def test_a_folder_that_is_not_a_partition_is_nothing_to_compact(features: Features) -> None:
    _put(features, "deltas", day(0), "run-1")
    for name in ("notes/_manifest.json", "notes/more.txt", "notes.txt"):
        features.s3.put_object(Bucket="data", Key=f"v1/deltas/dt={day_text(day(0).start)}/{name}", Body=b"")
    assert days_to_compact(features.s3, PREFIXES, ASKED) == []


def _slice(number: int, *files: str, run_id: str = "a", second: int = 0) -> tuple[str, Manifest]:
    """A slice of deltas that was built from files of an hour's folder."""
    interval = Interval(day(0).start + number * SLICE, day(0).start + (number + 1) * SLICE)
    manifest = Manifest(
        dataset="deltas",
        project_name="ndr-prod",
        feature_spec_version="v1",
        start=interval.start,
        end=interval.end,
        tables={},
        inputs=(InputEntry(uri="s3://data/hour", files=tuple(map(_file, files))),),
        code_version="c",
        run_id=run_id,
        published_at=PUBLISHED + timedelta(seconds=second),
    )
    return f"s3://data/v1/deltas/{mini_batch_id(interval)}", manifest


def _file(name: str) -> InputFile:
    return InputFile(name=name, bytes=1, modified_at=PUBLISHED)


def _compacted(partitions: list[tuple[str, Manifest]]) -> tuple[str, Manifest]:
    found = [pair for uri, manifest in partitions for pair in versions_within(uri, manifest, manifest.interval)]
    versions, answers = zip(*found, strict=True)
    first = partitions[0][1]
    facts: dict[str, Any] = {"compacted_from": answers, "compacted_versions": versions}
    end = max(manifest.end for _, manifest in partitions)
    return "s3://data/v1/deltas/hour", first.model_copy(
        update={"end": end, "run_id": "z", "published_at": PUBLISHED + timedelta(days=1), "inputs": (), **facts}
    )


def test_a_file_that_one_slice_of_a_compacted_day_lacks_is_late() -> None:
    folder = Folder(Interval(day(0).start, day(0).start + 4 * SLICE), "s3://data/hour", (_file("one"), _file("two")))
    slices = [*(_slice(number, "one", "two") for number in range(3)), _slice(3, "one")]
    assert late_folders([folder], slices) == [folder]
    compacted = [_compacted(slices)]
    assert late_folders([folder], expanded(compacted)) == [folder]
    assert late_folders([folder], expanded([*compacted, *slices])) == [folder]

    built = _slice(3, "one", "two", run_id="b", second=9)
    assert late_folders([folder], expanded([*compacted, built])) == []
    assert late_folders([folder], expanded([_compacted([*slices[:3], built])])) == []
    one_more = replace(folder, files=(*folder.files, _file("three")))
    assert late_folders([one_more], expanded([_compacted([*slices[:3], built])])) == [one_more]


def test_a_compacted_partition_must_describe_what_it_was_made_of() -> None:
    _, manifest = _slice(0, "one")
    answer = Answer(uri="s3://elsewhere", run_id="a", start=manifest.start, end=manifest.end)
    with pytest.raises(ValueError, match="does not describe s3://elsewhere, which it was compacted from"):
        Manifest.model_validate({**manifest.model_dump(), "compacted_from": (answer,)})
