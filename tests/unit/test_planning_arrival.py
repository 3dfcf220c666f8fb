"""Which batch a file that arrives starts, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import pytest
from pydantic import ValidationError
from tests.planning.history import prefixes

from ndr.contract.errors import InvalidRequestError
from ndr.contract.layout import TimeLayout
from ndr.contract.lineage import REPAIRED
from ndr.contract.manifest import InputFile
from ndr.contract.time import SLICE, Interval, mini_batch_id, parse_instant
from ndr.planner.arrival import Arrival, ArrivedBatch, batch_of, missing_slices, seconds_to_wait
from ndr.planner.folder import Folder
from ndr.planner.requests import MiniBatchRequest, parse_request

NOW: Final = parse_instant("2026-01-05T06:31:00Z")
SLICE_0615: Final = Interval(parse_instant("2026-01-05T06:15:00Z"), parse_instant("2026-01-05T06:30:00Z"))
DAY_ID: Final = mini_batch_id(Interval(parse_instant("2026-01-05"), parse_instant("2026-01-06")))
QUIET: Final = timedelta(seconds=60)
FOLDER: Final = "v1/integration/20260105T061500Z-PT15M"
DEFAULTS: Final = {"project_name": "ndr-prod", "feature_spec_version": "v1"}


def of(key: str, minutes: int = 15, now: datetime = NOW, bucket: str = "data") -> ArrivedBatch | str:
    return batch_of(Arrival(bucket=bucket, key=key), prefixes(), timedelta(minutes=minutes), now)


@pytest.mark.parametrize("path", ["part-0.json", "region/part-0.json.gz"])
def test_a_file_of_a_mini_batch_starts_the_scheduled_batch_that_holds_it(path: str) -> None:
    assert of(f"{FOLDER}/{path}") == ArrivedBatch(SLICE_0615)
    hour = Interval(parse_instant("2026-01-05T06:00:00Z"), parse_instant("2026-01-05T07:00:00Z"))
    assert of(f"{FOLDER}/{path}", minutes=60) == ArrivedBatch(hour)


def test_the_marker_of_a_mini_batch_says_that_it_is_complete() -> None:
    assert of(f"{FOLDER}/_SUCCESS") == ArrivedBatch(SLICE_0615, is_complete=True)


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("v1/fg_a/part-0.parquet", "not below s3://data/v1/integration"),
        ("v1/integration/part-0.json", "not named as a mini-batch"),
        (f"{FOLDER}/_temporary/part-0.json", "a marker"),
        (f"v1/integration/{DAY_ID}/part-0.json", "longer than a scheduled batch"),
        ("v1/integration/20260104T061500Z-PT15M/part-0.json", "more than a day old, so LATE builds it"),
    ],
)
def test_other_files_start_nothing_and_the_sentence_says_why(key: str, why: str) -> None:
    said = of(key)
    assert isinstance(said, str)
    assert why in said


def test_a_batch_is_too_old_exactly_a_day_after_its_end() -> None:
    day_later = SLICE_0615.end + REPAIRED
    assert isinstance(of(f"{FOLDER}/part-0.json", now=day_later - timedelta(microseconds=1)), ArrivedBatch)
    assert "more than a day old" in str(of(f"{FOLDER}/part-0.json", now=day_later))


@pytest.mark.parametrize("name", ["bucket", "key"])
def test_a_file_has_a_bucket_and_a_key_that_do_not_change(name: str) -> None:
    shortest = Arrival(bucket="b", key="k")
    with pytest.raises(ValidationError, match=f"{name}\n  String should have at least 1 character"):
        Arrival(**{**shortest.model_dump(), name: ""})
    with pytest.raises(ValidationError, match="frozen"):
        setattr(shortest, name, "other")


def test_a_file_of_another_bucket_starts_nothing() -> None:
    assert "not below" in str(of(f"{FOLDER}/part-0.json", bucket="other"))


def test_in_a_layout_by_time_a_file_starts_the_last_batch_whose_rows_can_have_come() -> None:
    layout = replace(prefixes(), layout=TimeLayout("%Y/%m/%d/%H/", timedelta(minutes=10)))
    arrival = Arrival(bucket="data", key="v1/integration/2026/01/05/06/x.json.gz")
    for text, end in (("06:39:59", "06:15:00"), ("06:40:00", "06:30:00"), ("06:54:59", "06:30:00")):
        found = batch_of(arrival, layout, SLICE, parse_instant(f"2026-01-05T{text}Z"))
        assert isinstance(found, ArrivedBatch)
        assert found.batch.end == parse_instant(f"2026-01-05T{end}Z")
        assert found.is_quiet
    other = Arrival(bucket="data", key="v1/integration/x.json.gz")
    assert "not one of the layout" in str(batch_of(other, layout, SLICE, NOW))


def folder(interval: Interval, *modified: str) -> Folder:
    files = [InputFile(name=f"{text}.json", bytes=1, modified_at=parse_instant(text)) for text in modified]
    return Folder(interval, "s3://data/folder", tuple(files))


def test_a_batch_is_waited_for_until_it_is_over_and_no_file_came_for_a_while() -> None:
    arrived = ArrivedBatch(SLICE_0615)
    early, late = (folder(SLICE_0615, "2026-01-05T06:20:00Z"), folder(SLICE_0615, "2026-01-05T06:30:45Z"))
    assert seconds_to_wait(arrived, [early], QUIET, parse_instant("2026-01-05T06:21:00Z")) == 540
    assert seconds_to_wait(arrived, [early], QUIET, NOW) == 0
    assert seconds_to_wait(arrived, [early, late], QUIET, NOW) == 45
    assert seconds_to_wait(arrived, [early, late], QUIET, NOW + timedelta(seconds=44.5)) == 1
    for known in (replace(arrived, is_complete=True), replace(arrived, is_quiet=True)):
        assert seconds_to_wait(known, [late], QUIET, NOW) == 0


def test_a_batch_of_several_slices_waits_for_all_of_them() -> None:
    hour = Interval(parse_instant("2026-01-05T06:00:00Z"), parse_instant("2026-01-05T07:00:00Z"))
    slices = list(hour.steps(SLICE))
    folders = [folder(each, "2026-01-05T06:31:00Z") for each in slices]
    assert missing_slices(ArrivedBatch(hour), folders[:1] + folders[2:]) == [slices[1]]
    assert missing_slices(ArrivedBatch(hour), folders) == []
    assert missing_slices(ArrivedBatch(hour), [folder(hour)]) == []
    assert missing_slices(ArrivedBatch(hour, is_quiet=True), []) == []


def test_a_request_of_an_arrival_names_no_batch_of_its_own() -> None:
    arrived = {"bucket": "data", "key": "k"}
    request = parse_request(MiniBatchRequest, {"arrived": arrived}, NOW, DEFAULTS)
    assert request.is_automatic
    assert not parse_request(MiniBatchRequest, {}, NOW, DEFAULTS).is_automatic
    for other in ({"mini_batch_id": "20260105T061500Z-PT15M"}, {"scheduled_time": "2026-01-05T06:35:00Z"}):
        with pytest.raises(InvalidRequestError, match="arrived is a file, and its batch follows from it"):
            parse_request(MiniBatchRequest, {"arrived": arrived, **other}, NOW, DEFAULTS)
    with pytest.raises(InvalidRequestError, match=r"arrived\.key"):
        parse_request(MiniBatchRequest, {"arrived": {"bucket": "data"}}, NOW, DEFAULTS)
