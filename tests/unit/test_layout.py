"""Folders that a pattern names by time: which there are for an interval, and what time a file of one has rows of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.test_jobspecs import item

from ndr.contract.errors import JobSpecInvalidError
from ndr.contract.jobspecs import parse_jobspec
from ndr.contract.jobspecs.check import read_prefixes
from ndr.contract.layout import TimeLayout, pattern_problem
from ndr.contract.time import DAY, EPOCH, SLICE, Interval, floor_to

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
PATTERNS = {
    "%Y/%m/%d/%H/": HOUR,
    "AWSLogs/111122223333/vpcflowlogs/eu-west-1/%Y/%m/%d/": DAY,
    "region=eu-west-1/accountId=111122223333/eventDay=%Y%m%d/": DAY,
    "dt=%Y-%m-%d/%Y%m%dT%H%M/": MINUTE,
    "%d.%m.%Y/flows+v2(1)/": DAY,
}
layouts = st.builds(TimeLayout, st.sampled_from(sorted(PATTERNS)), st.timedeltas(timedelta(0), DAY))
instants = st.datetimes(datetime(2000, 1, 3), datetime(2099, 1, 1), timezones=st.just(UTC))


def _spec(**inputs: Any) -> Any:
    document = item("delta_builder")
    document["spec"]["inputs"] |= inputs
    return parse_jobspec(document).spec.inputs


@pytest.mark.parametrize(("pattern", "step"), PATTERNS.items())
def test_the_step_of_a_pattern_is_that_of_its_finest_directive(pattern: str, step: timedelta) -> None:
    assert pattern_problem(pattern) is None
    assert TimeLayout(pattern, SLICE).step == step


@given(layout=layouts, instant=instants, file=st.from_regex(r"[a-z0-9./]{0,20}", fullmatch=True))
def test_the_name_of_a_folder_tells_its_time(layout: TimeLayout, instant: datetime, file: str) -> None:
    name = layout.folder_name(instant)
    start = floor_to(instant, layout.step)
    assert layout.folder_of(name + file) == (name, Interval(start, start + layout.step))


def test_a_path_of_another_form_is_in_no_folder() -> None:
    layout = TimeLayout("%Y/%m/%d/", SLICE)
    for path in (
        "2026/02/30/part-0.json",
        "2026/1/31/part-0.json",
        "other/2026/01/31/a.json",
        "2026/01/31",
        "",
        "²026",
    ):
        assert layout.folder_of(path) is None
    assert layout.folder_of("1969/12/31/a.json") is None
    assert layout.folder_of("1970/01/01/a.json") == ("1970/01/01/", Interval(EPOCH, EPOCH + DAY))
    twice = TimeLayout("%Y/%m/%Y%m%d/", SLICE)
    assert twice.folder_of("2026/01/20260131/a.json") is not None
    assert twice.folder_of("2026/01/20260231/a.json") is None


@given(
    layout=layouts,
    event=instants,
    took=st.timedeltas(timedelta(0), DAY),
    name_is_event_time=st.booleans(),
    slices=st.integers(1, 200),
)
def test_a_row_that_arrives_in_time_is_in_a_folder_and_a_file_of_its_batch(
    layout: TimeLayout, event: datetime, took: timedelta, name_is_event_time: bool, slices: int
) -> None:
    """Whether the name of the folder has the time of the event, as in Security Lake, or of writing, as by Firehose."""
    arrived = event + min(took, layout.delivery_delay)
    named = layout.folder_of(layout.folder_name(event if name_is_event_time else arrived))
    assert named is not None
    batch = Interval(floor_to(event, SLICE), floor_to(event, SLICE) + slices * SLICE)
    assert named in list(layout.folders(batch))
    time = layout.time_of_file(named[1], arrived.replace(microsecond=0))
    assert event in time
    assert time.is_whole(SLICE)


@given(layout=layouts, event=instants, after=st.timedeltas(timedelta(seconds=1), 400 * DAY))
def test_a_file_that_came_late_can_have_rows_of_all_the_time_of_its_folder(
    layout: TimeLayout, event: datetime, after: timedelta
) -> None:
    named = layout.folder_of(layout.folder_name(event))
    assert named is not None
    folder = named[1]
    time = layout.time_of_file(folder, (folder.end + layout.delivery_delay + after).replace(microsecond=0))
    assert time.start <= folder.start - layout.delivery_delay < folder.end + layout.delivery_delay <= time.end
    assert layout.time_of_file(folder, folder.start - timedelta(seconds=1)) == time


def test_a_file_came_in_time_up_to_the_delay_after_its_folder() -> None:
    layout, folder = TimeLayout("%Y/%m/%d/%H/", 2 * SLICE), Interval(EPOCH, EPOCH + HOUR)
    last = folder.end + 2 * SLICE
    assert layout.time_of_file(folder, last) == Interval(folder.end, last + SLICE)
    assert layout.time_of_file(folder, last + timedelta(seconds=1)) == Interval(EPOCH - 2 * SLICE, last)


@given(layout=layouts, modified=instants)
def test_a_file_that_came_in_time_concerns_few_slices(layout: TimeLayout, modified: datetime) -> None:
    named = layout.folder_of(layout.folder_name(modified))
    assert named is not None
    time = layout.time_of_file(named[1], modified)
    assert modified in time
    assert time.duration <= layout.delivery_delay + 2 * SLICE


@given(layout=layouts, start=instants, length=st.timedeltas(timedelta(seconds=1), 2 * DAY))
def test_the_folders_of_an_interval_are_those_that_can_hold_its_rows(
    layout: TimeLayout, start: datetime, length: timedelta
) -> None:
    if layout.step == MINUTE:
        length = min(length, HOUR)
    rows = Interval(start, start + length)
    found = list(layout.folders(rows))
    assert len({name for name, _ in found}) == len(found)
    reach = Interval(start - layout.delivery_delay, rows.end + layout.delivery_delay)
    assert all(folder.intersection(reach) for _, folder in found)
    assert found[0][1].start <= reach.start
    assert found[-1][1].end >= reach.end


@pytest.mark.parametrize(
    ("layout", "sentence"),
    [
        ("%Y/%j/", "has %j; allowed are %Y, %m, %d, %H, %M: write a pattern such as %Y/%m/%d/%H/"),
        ("%Y/%m/%d/%%/", "has %%; allowed are"),
        ("%Y/%m/%d/%", "has %; allowed are"),
        ("daily", "is not a layout; write mini_batch, or a pattern of the time such as"),
        ("%Y/%m/", "lacks %d, so a folder has no day or hour of its own"),
        ("%m/%d/%H/", "lacks %Y"),
        ("%Y/%m/%d/%M/", "lacks %H"),
        ("%Y/%m/%d", "does not end with a slash; write the pattern of the folders, as '%Y/%m/%d/'"),
        ("/%Y/%m/%d/", "is not a path below the prefix"),
        ("%Y/../%m/%d/", "is not a path below the prefix"),
        ("AWSLogs/*/%Y/%m/%d/", "has '*'; write a pattern without wildcards"),
        ("_logs/%Y/%m/%d/", "has a folder that starts with '_' or '.'"),
    ],
)
def test_a_pattern_that_can_not_be_read_is_refused_with_what_to_write(layout: str, sentence: str) -> None:
    with pytest.raises(JobSpecInvalidError) as refused:
        _spec(layout=layout)
    assert sentence in str(refused.value)


@pytest.mark.parametrize("delay", [900, "15 minutes", "-PT5M", "P2D"])
def test_a_delay_is_an_iso_duration_of_at_most_a_day(delay: object) -> None:
    with pytest.raises(JobSpecInvalidError, match=r"spec\.inputs\.delivery_delay: "):
        _spec(layout="%Y/%m/%d/", delivery_delay=delay)


def test_the_jobspec_says_the_layout() -> None:
    inputs = _spec(layout="%Y/%m/%d/%H/", delivery_delay="PT1H30M")
    assert inputs.time_layout == TimeLayout("%Y/%m/%d/%H/", timedelta(minutes=90))
    assert inputs.model_dump(mode="json")["delivery_delay"] == "PT1H30M"
    assert _spec(layout="%Y/%m/%d/").time_layout == TimeLayout("%Y/%m/%d/", timedelta(minutes=15))
    assert _spec().time_layout is None
    document = item("delta_builder")
    document["spec"]["inputs"] |= {"layout": "%Y/%m/%d/"}
    assert list(read_prefixes(parse_jobspec(document))) == ["integration"]
