"""What the planner sees of folders that are named by time: files, times that were delivered, and what is late."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws
from tests.planning.bucket import Bucket
from tests.planning.history import OWNER, manifest_of

from ndr.contract.errors import InvalidRequestError
from ndr.contract.layout import TimeLayout
from ndr.contract.manifest import MANIFEST_NAME, InputEntry
from ndr.contract.time import DAY, SLICE, Interval, day_text, mini_batch_id, parse_instant
from ndr.planner.delivered_files import delivered_folders
from ndr.planner.feature_prefixes import FeaturePrefixes
from ndr.planner.late_files import LateData, find_late
from ndr.planner.time_folders import as_slices, delivered_times, time_folders
from ndr.planner.upstream import find_upstream

HOURLY = TimeLayout("AWSLogs/111122223333/%Y/%m/%d/%H/", timedelta(minutes=15))
DAILY = TimeLayout("region=eu-west-1/eventDay=%Y%m%d/", timedelta(minutes=15))
LOGS = "s3://data/logs/"
NAMES = ("deltas", "fg_a", "pair_counts", "fg_b")
START = parse_instant("2026-01-05T05:00:00Z")
HOUR = timedelta(hours=1)
WANTED = Interval(START, START + 4 * HOUR)
AFTER = WANTED.end + 2 * HOUR
SECOND = timedelta(seconds=1)


@dataclass
class Delivered:
    """A bucket with logs in folders that are named by time, and the deltas that were built from them."""

    layout: TimeLayout = HOURLY
    keys: list[str] = field(default_factory=list)
    content: dict[str, bytes] = field(default_factory=dict)
    modified: dict[str, datetime] = field(default_factory=dict)
    bucket: Bucket = field(default_factory=lambda: Bucket([]))

    @property
    def prefixes(self) -> FeaturePrefixes:
        uris = {name: f"s3://data/v1/{name}/" for name in NAMES}
        return FeaturePrefixes(OWNER, LOGS, lookback_days=30, layout=self.layout, **uris)

    def s3(self) -> Any:
        self.bucket = Bucket(list(self.keys), dict(self.content), dict(self.modified))
        return self.bucket.attach(boto3.client("s3", region_name="us-east-1"))

    def write(self, written: datetime, name: str = "", named: datetime | None = None) -> str:
        """Put a file, and return its key."""
        folder = self.layout.folder_name(named or written)
        key = f"logs/{folder}{name or f'flows-{written:%H%M%S}.json.gz'}"
        self.keys.append(key)
        self.modified[key] = written
        return key

    def write_every(self, step: timedelta, span: Interval = WANTED) -> None:
        for part in span.steps(step):
            self.write(part.start)

    def publish(self, parts: Iterable[Interval]) -> None:
        """Publish the deltas of each part, with the files that there are now."""
        s3 = self.s3()
        for part in parts:
            files: dict[str, list[Any]] = {}
            for folder in time_folders(s3, LOGS, self.layout, part):
                files.setdefault(folder.uri, []).extend(folder.files)
            inputs = tuple(InputEntry(uri=uri, files=tuple(held)) for uri, held in files.items())
            key = f"v1/deltas/dt={day_text(part.start)}/{mini_batch_id(part)}/{MANIFEST_NAME}"
            self.keys.append(key)
            self.content[key] = manifest_of("deltas", part, inputs=inputs).model_dump_json().encode()

    def late(self, wanted: Interval = WANTED) -> LateData:
        return find_late(self.s3(), self.prefixes, wanted)


@pytest.fixture(autouse=True)
def _aws() -> Iterator[None]:
    with mock_aws():
        yield


@pytest.mark.parametrize("layout", [HOURLY, DAILY])
def test_each_folder_is_listed_once_and_its_files_are_told_by_the_slices_that_they_hold(layout: TimeLayout) -> None:
    delivered = Delivered(layout)
    delivered.write_every(timedelta(minutes=5))
    for name in ("_SUCCESS", ".part.json", "_tmp/part.json", "hour/"):
        delivered.write(START, name)
    wanted = Interval(START + HOUR, START + HOUR + SLICE)
    found = delivered_folders(delivered.s3(), delivered.prefixes, wanted)
    written = sorted(file.modified_at for folder in found for file in folder.files)
    assert (written[0], written[-1]) == (wanted.start, wanted.end + timedelta(minutes=10))
    assert len(written) == len(set(written)) == 6
    assert {folder.interval for folder in found} == {
        Interval(wanted.start, wanted.end),  # and from before `wanted`, which is left out
        Interval(wanted.start, wanted.end + SLICE),
    }
    assert delivered.bucket.requests["list"] == len(list(layout.folders(wanted))) <= 3


def test_the_times_that_were_delivered_are_told_by_few_names() -> None:
    days = Interval(parse_instant("2025-12-30"), parse_instant("2026-02-02"))
    for layout, requests in ((HOURLY, 34), (DAILY, 1), (replace(HOURLY, pattern="%Y/%m/%d/"), 3)):
        delivered = Delivered(layout)
        delivered.write_every(HOUR, Interval(days.start - 3 * DAY, days.end + 3 * DAY))
        gone = f"logs/{layout.folder_name(START)}"
        delivered.keys = [key for key in delivered.keys if not key.startswith(gone)]
        found = delivered_times(delivered.s3(), LOGS, layout, days)
        hole = Interval(START, START + HOUR) if layout is HOURLY else Interval(START - 5 * HOUR, START + 19 * HOUR)
        assert found == [part for part in days.steps(layout.step) if part != hole]
        assert delivered.bucket.requests["list"] == requests


def test_times_are_cut_into_slices() -> None:
    minutes = [
        Interval(START + number * timedelta(minutes=1), START + (number + 1) * timedelta(minutes=1))
        for number in (3, 4, 16)
    ]
    assert as_slices(minutes) == [Interval(START, START + SLICE), Interval(START + SLICE, START + 2 * SLICE)]


def test_gaps_are_filled_where_a_folder_was_delivered() -> None:
    delivered = Delivered()
    delivered.write_every(HOUR, Interval(START, START + 3 * HOUR))
    delivered.publish([Interval(START, START + 2 * SLICE)])
    published = {"deltas": delivered.prefixes.deltas}
    found = find_upstream(delivered.s3(), published, LOGS, WANTED, delivered.layout)
    assert found is not None
    assert found.not_delivered(WANTED) == [Interval(START + 3 * HOUR, WANTED.end)]
    assert found.missing_batches([WANTED]) == [Interval(START + 2 * SLICE, START + 3 * HOUR)]


def test_what_names_all_files_is_not_late_whatever_came_for_other_slices() -> None:
    delivered = Delivered(DAILY)
    delivered.write_every(timedelta(minutes=5), Interval(WANTED.start - HOUR, WANTED.end))
    delivered.publish(WANTED.steps(SLICE))
    delivered.write_every(timedelta(minutes=5), Interval(WANTED.end + SLICE, AFTER))
    found = delivered.late()
    assert (found.late, found.stranded) == ((), [])
    assert found.delivered == tuple(Interval(WANTED.start - DAY, WANTED.end + DAY).steps(SLICE))[96:-96]


@pytest.mark.parametrize("layout", [HOURLY, DAILY])
def test_a_file_that_came_in_time_and_was_not_read_makes_its_own_slices_late(layout: TimeLayout) -> None:
    delivered = Delivered(layout)
    delivered.write_every(timedelta(minutes=5))
    delivered.publish(WANTED.steps(SLICE))
    written = START + HOUR + timedelta(minutes=20, seconds=1)
    delivered.write(written)
    found = delivered.late()
    (late,) = found.late
    assert late.interval == Interval(START + HOUR, START + HOUR + 2 * SLICE)
    assert found.batches == [Interval(late.interval.start, WANTED.end)]  # windows of a day reach back over it
    delivered.publish(late.interval.steps(SLICE))
    assert delivered.late().late == ()


def test_a_file_that_came_late_makes_the_time_of_its_folder_late() -> None:
    delivered = Delivered()
    delivered.write_every(timedelta(minutes=5))
    delivered.publish(WANTED.steps(SLICE))
    key = delivered.write(AFTER, "again.json", named=START + HOUR)
    (late,) = delivered.late().late
    assert late.interval == Interval(START + HOUR - SLICE, START + 2 * HOUR + SLICE)
    assert [file.name for file in late.files] == [key.rpartition("/")[2]]
    delivered.publish(late.interval.steps(SLICE))
    assert delivered.late().late == ()
    delivered.modified[key] = AFTER + SECOND  # another version of it
    assert [each.interval for each in delivered.late().late] == [late.interval]


def test_a_file_that_reaches_out_of_the_time_asked_for_is_judged_by_what_was_read() -> None:
    delivered = Delivered()
    delivered.write_every(timedelta(minutes=5), Interval(WANTED.start - HOUR, WANTED.end + HOUR))
    delivered.publish(Interval(WANTED.start - HOUR, WANTED.end + HOUR).steps(SLICE))
    assert delivered.late().late == ()


def test_more_folders_than_a_plan_can_list_are_refused_with_a_start_that_it_can() -> None:
    s3, end = Delivered().s3(), parse_instant("2026-03-01")
    with pytest.raises(
        InvalidRequestError, match=r'folders below s3://data/logs/ .* write "since": "2025-10-'
    ) as found:
        time_folders(s3, LOGS, HOURLY, Interval(parse_instant("2020-01-01"), end))
    since = str(found.value).split('"')[3]
    assert time_folders(s3, LOGS, HOURLY, Interval(parse_instant(since), end)) == []
