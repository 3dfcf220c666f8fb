"""The files of findings: what a partition of scores tells, updates and closes, and when it is built again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.findings_tables import END, HOST, OTHER, host, jobspecs_of, publish, reason

from ndr.contract.time import DAY, SLICE, Interval
from ndr.findings import FindingsPlace, files
from ndr.findings.days import day_findings
from ndr.findings.files import Told, tell
from ndr.findings.formats import FORMATS, OCSF, Format, documents_of
from ndr.findings.states import Activity, activity_of
from ndr.store.storage import put_bytes

START = END - DAY
FIRST, SECOND, THIRD = (Interval(START + number * SLICE, START + (number + 1) * SLICE) for number in range(3))
Rows = Iterable[Mapping[str, Any]]


def place_of(root: Path, **suppressions: Mapping[str, Any]) -> FindingsPlace:
    told = {"expires": "2026-03-01", "owner": "it", "reason": "Known."}
    spec = {"suppressions": {name: {**told, **each} for name, each in suppressions.items()}}
    return FindingsPlace.of(jobspecs_of(root, suppressions=spec))


def score(root: Path, part: Interval, hosts: Mapping[str, float], pairs: Rows = (), place: Any = None) -> Told | None:
    """Publish scores of a part of the day, one window end, and tell their findings."""
    hour = (part.end - START) / timedelta(hours=1)
    rows = [host(name, hour, value, p_value=None, reasons=[reason("deny_cnt", value)]) for name, value in hosts.items()]
    manifest = publish(root, part, rows, pairs)
    return tell(place or place_of(root), part, manifest.published_at, END)


def lines(root: Path, part: Interval, form: str = "ocsf") -> list[dict[str, Any]] | None:
    """The lines of the file of a part of the day; None without a file."""
    name = f"{part.start:%Y%m%dT%H%M%SZ}-PT15M.jsonl"
    path = root / "findings" / form / "dt=2026-01-31" / name
    return documents_of(path.read_bytes()) if path.exists() else None


def told(root: Path, part: Interval) -> dict[str, tuple[str, str, float]]:
    """By host: activity, status and score, the same in both formats."""
    events, documents = lines(root, part) or [], lines(root, part, "ecs") or []
    assert [FORMATS["ecs"].uid_of(each) for each in documents] == [OCSF.uid_of(each) for each in events]
    assert [each["ndr"]["status"] for each in documents] == [
        each["status"].lower().replace(" ", "_") for each in events
    ]
    return {each["device"]["ip"]: (each["activity_name"], each["status"], each["unmapped"]["score"]) for each in events}


def test_a_finding_is_created_once_and_then_updated_under_the_same_uid(tmp_path: Path) -> None:
    assert score(tmp_path, FIRST, {HOST: 12.0, OTHER: 2.0}) == Told(1, 0)
    assert score(tmp_path, SECOND, {HOST: 11.0, OTHER: 15.0}) == Told(2, 0)
    assert told(tmp_path, FIRST) == {HOST: ("Create", "New", 12.0)}
    assert told(tmp_path, SECOND) == {HOST: ("Update", "In Progress", 12.0), OTHER: ("Create", "New", 15.0)}
    uids = [{OCSF.uid_of(each) for each in lines(tmp_path, part) or []} for part in (FIRST, SECOND)]
    assert len(uids[0] & uids[1]) == 1
    assert len(uids[0] | uids[1]) == 2


def test_nothing_is_written_where_there_is_no_finding_or_no_prefix(tmp_path: Path) -> None:
    assert score(tmp_path, FIRST, {HOST: 2.0}) == Told()
    assert not (tmp_path / "findings").exists()
    spec = {"outputs": {"fg_c": (tmp_path / "fg_c").as_uri() + "/"}}
    without = FindingsPlace.of(jobspecs_of(tmp_path, fg_c_builder=spec))
    assert score(tmp_path, FIRST, {HOST: 20.0}, place=without) is None
    assert not (tmp_path / "findings").exists()


def test_a_run_again_replaces_the_file_and_closes_what_is_gone(tmp_path: Path) -> None:
    score(tmp_path, FIRST, {HOST: 12.0, OTHER: 13.0})
    assert score(tmp_path, FIRST, {HOST: 14.0, OTHER: 1.0}) == Told(1, 1)
    closed = {HOST: ("Create", "New", 14.0), OTHER: ("Close", "Resolved", 13.0)}
    assert told(tmp_path, FIRST) == closed
    before = lines(tmp_path, FIRST)
    score(tmp_path, FIRST, {HOST: 14.0, OTHER: 1.0})
    assert told(tmp_path, FIRST) == closed
    assert [each for each in lines(tmp_path, FIRST) or [] if OCSF.is_closed(each)] == [
        each for each in before or [] if OCSF.is_closed(each)
    ]
    assert score(tmp_path, FIRST, {HOST: 14.0, OTHER: 16.0}) == Told(2, 0)  # it is back
    assert told(tmp_path, FIRST)[OTHER] == ("Create", "New", 16.0)


def test_a_repair_tells_the_whole_day_and_closes_only_what_no_slice_sees(tmp_path: Path) -> None:
    score(tmp_path, FIRST, {HOST: 12.0, OTHER: 30.0})
    score(tmp_path, SECOND, {HOST: 25.0})
    assert score(tmp_path, FIRST, {HOST: 2.0, OTHER: 2.0}) == Told(1, 1)
    assert told(tmp_path, FIRST) == {HOST: ("Update", "In Progress", 25.0), OTHER: ("Close", "Resolved", 30.0)}
    assert told(tmp_path, SECOND) == {HOST: ("Update", "In Progress", 25.0)}


def test_a_partition_over_another_one_closes_what_that_one_told(tmp_path: Path) -> None:
    both = Interval(FIRST.start, SECOND.end)
    hour = (both.end - START) / timedelta(hours=1)
    manifest = publish(tmp_path, both, [host(HOST, hour, 20.0, p_value=None), host(OTHER, hour, 20.0, p_value=None)])
    tell(place_of(tmp_path), both, manifest.published_at, END)
    score(tmp_path, SECOND, {HOST: 21.0})
    assert told(tmp_path, SECOND) == {HOST: ("Create", "New", 21.0), OTHER: ("Close", "Resolved", 20.0)}


def test_a_suppression_closes_and_its_end_opens_again(tmp_path: Path) -> None:
    score(tmp_path, FIRST, {HOST: 12.0, OTHER: 13.0})
    suppressed = place_of(tmp_path, known={"cidr": f"{HOST}/32"})
    found = score(tmp_path, SECOND, {HOST: 12.0, OTHER: 13.0}, place=suppressed)
    assert found
    assert (found.findings, found.closed, found.suppressed_count) == (1, 1, {"known": 1})
    assert told(tmp_path, SECOND)[HOST] == ("Close", "Suppressed", 12.0)
    expired = place_of(tmp_path, known={"cidr": f"{HOST}/32", "expires": "2026-01-31"})
    assert score(tmp_path, THIRD, {HOST: 1.0}, place=expired) == Told(1, 0)
    assert told(tmp_path, THIRD) == {HOST: ("Update", "In Progress", 12.0)}


STEP = st.tuples(
    st.sampled_from([FIRST, SECOND, THIRD, Interval(FIRST.start, SECOND.end)]),
    st.dictionaries(st.sampled_from([HOST, OTHER]), st.sampled_from([5.0, 12.0, 30.0])),
    st.booleans(),
)


@settings(max_examples=15)
@given(st.lists(STEP, min_size=2, max_size=5))
def test_the_latest_lines_are_what_the_scores_of_the_day_say(
    steps: list[tuple[Interval, dict[str, float], bool]],
) -> None:
    """Whatever was built again, over other partitions, and with a suppression that comes and goes."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        for part, hosts, is_suppressed in steps:
            place = place_of(root, **({"known": {"cidr": f"{HOST}/32"}} if is_suppressed else {}))
            score(root, part, hosts, place=place)
            state = {each.uid: each for each in day_findings(place, Interval(START, END), END).findings.all}
            for form in FORMATS.values():
                latest = latest_lines(root, form)
                if latest or not state:  # else nothing was unusual, or all of it was suppressed
                    is_open = {uid: each for uid, each in latest.items() if not form.is_closed(each)}
                    assert {uid: form.details_of(each) for uid, each in is_open.items()} == {
                        uid: form.details_of(form.document(each, Activity.UPDATE, END)) for uid, each in state.items()
                    }


def latest_lines(root: Path, form: Format) -> dict[str, dict[str, Any]]:
    """The line of each uid with the latest time, whichever file it is in."""
    latest: dict[str, dict[str, Any]] = {}
    for file in sorted((root / "findings" / form.name).rglob("*.jsonl")):
        for each in documents_of(file.read_bytes()):
            uid = form.uid_of(each)
            if uid not in latest or form.modified_of(latest[uid]) <= form.modified_of(each):
                latest[uid] = each
    return latest


def test_what_another_run_wrote_meanwhile_is_not_replaced_by_older_findings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that stands still between reading the scores and writing its file reads them again."""
    manifest = publish(tmp_path, FIRST, [host(HOST, 0.25, 12.0, p_value=None)])
    once = [True]

    def overtaken(place: FindingsPlace, day: Interval, now: Any) -> Any:
        found = day_findings(place, day, now)
        if once.pop() if once else False:
            score(tmp_path, FIRST, {OTHER: 20.0})
        return found

    monkeypatch.setattr(files, "day_findings", overtaken)
    tell(place_of(tmp_path), FIRST, manifest.published_at, END)
    assert told(tmp_path, FIRST) == {OTHER: ("Create", "New", 20.0)}


def test_a_run_that_died_between_the_formats_is_made_whole_by_the_next(tmp_path: Path) -> None:
    score(tmp_path, FIRST, {HOST: 12.0})
    (tmp_path / "findings" / "ecs" / "dt=2026-01-31" / "20260131T000000Z-PT15M.jsonl").unlink()
    score(tmp_path, FIRST, {HOST: 12.0})
    assert told(tmp_path, FIRST) == {HOST: ("Create", "New", 12.0)}


def test_other_files_in_the_folder_are_no_lines(tmp_path: Path) -> None:
    put_bytes((tmp_path / "findings" / "ocsf" / "dt=2026-01-31" / "README").as_uri(), b"not JSON")
    assert score(tmp_path, FIRST, {HOST: 12.0}) == Told(1, 0)
    (only,) = day_findings(place_of(tmp_path), Interval(START, END), END).findings.all
    assert activity_of(only).name == "CREATE"
