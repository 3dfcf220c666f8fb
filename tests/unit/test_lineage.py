"""Which partition answers for which time, and what is stale."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndr.contract.compacted import versions_within
from ndr.contract.lineage import (
    Answers,
    answering,
    answers_read,
    current_answers,
    is_stale,
    newest_first,
    outdated,
    stale_parts,
)
from ndr.contract.manifest import Answer, InputEntry, Manifest
from ndr.contract.time import DAY, EPOCH, SLICE, Interval

WEEK = Interval(EPOCH, EPOCH + 7 * DAY)


def _slices(first: int, last: int) -> Interval:
    return Interval(EPOCH + first * SLICE, EPOCH + last * SLICE)


def _manifest(interval: Interval, run_id: str, second: int = 0, **facts: Any) -> Manifest:
    return Manifest(
        dataset="deltas",
        project_name="p",
        feature_spec_version="v1",
        start=interval.start,
        end=interval.end,
        tables={},
        code_version="c",
        run_id=run_id,
        published_at=EPOCH + timedelta(seconds=second),
        **facts,
    )


def _answers(*published: tuple[str, Manifest]) -> Answers:
    return current_answers(published, WEEK)


SLICE_ONE = ("file:///1", _manifest(_slices(1, 2), "a"))
SLICE_THREE = ("file:///3", _manifest(_slices(3, 4), "b"))
READ_OVER = _slices(0, 4)


def _built_over(now: Answers, long: bool) -> Manifest:
    read = now.digested("deltas", READ_OVER) if long else now.named("deltas", READ_OVER)
    return _manifest(READ_OVER, "built", reads=(read,))


@pytest.mark.parametrize("long", [False, True])
def test_a_partition_is_stale_when_what_answers_for_its_inputs_changes(long: bool) -> None:
    before = _answers(SLICE_ONE, SLICE_THREE)
    built = _built_over(before, long)
    assert not is_stale(built, {"deltas": before})
    changes = {
        "a slice that was absent": ("file:///2", _manifest(_slices(2, 3), "c")),
        "a slice published again": ("file:///1", _manifest(_slices(1, 2), "d", 1)),
        "a newer partition over a part": ("file:///0-2", _manifest(_slices(0, 2), "e", 1)),
    }
    for change, published in changes.items():
        assert is_stale(built, {"deltas": _answers(SLICE_ONE, SLICE_THREE, published)}), change
    assert is_stale(built, {"deltas": _answers(SLICE_ONE)}), "a slice is gone"
    outside = ("file:///9", _manifest(_slices(4, 9), "f", 9))
    older = ("file:///0-2", _manifest(_slices(1, 2), "0", -1))
    assert not is_stale(built, {"deltas": _answers(SLICE_ONE, SLICE_THREE, outside, older)})


@pytest.mark.parametrize("long", [False, True])
def test_compaction_makes_nothing_stale(long: bool) -> None:
    before = _answers(SLICE_ONE, SLICE_THREE)
    built = _built_over(before, long)
    day = Interval(EPOCH, EPOCH + DAY)
    versions = tuple(
        version for uri, each in (SLICE_ONE, SLICE_THREE) for version, _ in versions_within(uri, each, day)
    )
    facts = {"compacted_from": before.within(day), "compacted_versions": versions}
    compacted = ("file:///day", _manifest(day, "z", 5, **facts))
    assert not is_stale(built, {"deltas": _answers(SLICE_ONE, SLICE_THREE, compacted)})
    assert not is_stale(built, {"deltas": _answers(compacted)}), "the slices are swept"
    rebuilt = ("file:///1", _manifest(_slices(1, 2), "y", 6))
    assert is_stale(built, {"deltas": _answers(SLICE_ONE, SLICE_THREE, compacted, rebuilt)})


def test_a_manifest_without_ranges_is_stale_when_a_partition_it_names_is_published_again() -> None:
    built = _manifest(READ_OVER, "built", inputs=(InputEntry(uri="file:///1", run_id="a"), InputEntry(uri="raw")))
    assert not is_stale(built, {"deltas": _answers(SLICE_ONE, SLICE_THREE)})
    assert is_stale(built, {"deltas": _answers(("file:///1", _manifest(_slices(1, 2), "d", 1)))})


def test_a_dataset_that_was_not_looked_up_is_not_compared() -> None:
    assert not is_stale(_built_over(_answers(SLICE_ONE), long=True), {"pair_counts": Answers(())})


spans = st.tuples(st.integers(0, 400), st.integers(1, 200)).map(lambda span: _slices(span[0], span[0] + span[1]))


@given(st.lists(st.tuples(spans, st.integers(0, 3)), max_size=8), spans)
def test_names_and_digests_tell_the_same(published: list[tuple[Interval, int]], asked: Interval) -> None:
    """What answered is found again from any longer look-up; names change exactly when digests do."""
    partitions = [
        (f"file:///{number}", _manifest(part, f"run-{number}", second))
        for number, (part, second) in enumerate(published)
    ]
    whole, cut = current_answers(partitions, WEEK), current_answers(partitions, asked)
    assert whole.within(asked) == cut.within(asked)
    assert whole.day_digests(asked) == cut.day_digests(asked)
    fewer = current_answers(partitions[1:], WEEK)
    assert (fewer.within(asked) == whole.within(asked)) == (fewer.day_digests(asked) == whole.day_digests(asked))


def test_many_partitions_are_cut_in_n_log_n_steps() -> None:
    compared = 0

    class Counted(tuple):
        def __lt__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return tuple.__lt__(self, other)  # type: ignore[operator]

    count = 4096
    partitions = [(number, _slices(number % 977, number % 977 + 1 + number % 96)) for number in range(count)]
    cut = newest_first(partitions, WEEK, lambda each: each[1], lambda each: Counted((EPOCH, f"{each[0]:09d}")))
    assert sum((part.duration for _, part in cut), timedelta()) == WEEK.duration
    assert compared < 2 * count * 12


def test_parts_of_a_partition_that_older_ones_cut_are_one_again() -> None:
    partitions = [("a", _slices(0, 8), 1), ("newer", _slices(2, 4), 2), ("older", _slices(1, 6), 0)]
    cut = newest_first(partitions, WEEK, lambda each: each[1], lambda each: (EPOCH + each[2] * SLICE, ""))
    assert [(each[0], part) for each, part in cut] == [
        ("a", _slices(0, 2)), ("newer", _slices(2, 4)), ("a", _slices(4, 8)),
    ]  # fmt: skip


def test_the_digest_of_a_day_is_the_one_that_manifests_hold() -> None:
    """Another digest would make every published baseline stale."""
    answers = _answers(SLICE_ONE, SLICE_THREE)
    assert answers.day_digests(WEEK) == {"1970-01-01": "fa80d579dad69a04"}
    assert answers == _answers(SLICE_ONE, SLICE_THREE), "looking a digest up changes nothing"
    assert "fa80d579dad69a04" not in repr(answers)


def test_answers_join_adjoining_parts_of_one_version() -> None:
    parts = tuple(
        Answer(uri="u", run_id="r", start=EPOCH + number * SLICE, end=EPOCH + (number + 1) * SLICE)
        for number in range(3)
    )
    assert Answers(parts).within(WEEK) == (Answer(uri="u", run_id="r", start=EPOCH, end=EPOCH + 3 * SLICE),)
    other = Answer(uri="u", run_id="other", start=EPOCH - SLICE, end=EPOCH)
    from_other = Interval(other.start, WEEK.end)
    assert Answers((*parts, other)).within(from_other) == (other, *Answers(parts).within(WEEK))


def test_only_inputs_of_the_part_that_answers_are_compared() -> None:
    before = _answers(SLICE_ONE, SLICE_THREE)
    built = _built_over(before, long=False)
    after = _answers(SLICE_ONE, SLICE_THREE, ("file:///3", _manifest(_slices(3, 4), "new", 1)))
    assert is_stale(built, {"deltas": after}, _slices(0, 4))
    assert not is_stale(built, {"deltas": after}, _slices(0, 3))
    assert not is_stale(built, {"deltas": after}, _slices(9, 12))

    week = _manifest(WEEK, "week", reads=(before.digested("deltas", WEEK),))
    later = Interval(EPOCH + DAY, WEEK.end)
    assert is_stale(week, {"deltas": after}, WEEK)
    assert not is_stale(week, {"deltas": after}, later)


def test_stale_and_missing_parts_are_built_again_where_there_is_something_to_build_them_from() -> None:
    def reach(part: Interval) -> Interval:
        return Interval(part.start - SLICE, part.end)

    slices = {number: (f"file:///{number}", _manifest(_slices(number, number + 1), "a")) for number in range(1, 9)}
    before = _answers(*(slices[number] for number in (1, 2, 3, 5, 6)))
    built = [
        (_manifest(part, "built", reads=(before.named("deltas", reach(part)),)), part)
        for part in (_slices(number, number + 1) for number in (1, 2, 3, 4, 5))
    ]
    now = {"deltas": _answers(*slices.values())}
    assert outdated(built, now, "deltas", _slices(0, 9), reach) == [_slices(4, 9)]
    gone = {"deltas": _answers(slices[1], slices[3])}
    assert outdated(built, gone, "deltas", _slices(0, 9), reach) == [_slices(3, 4)]


def test_what_pair_counts_were_built_from_is_told_for_a_part() -> None:
    now = _answers(SLICE_ONE, SLICE_THREE)
    built = _manifest(READ_OVER, "built", reads=(now.named("deltas", READ_OVER),))
    assert answers_read(built, "deltas", _slices(2, 4)) == list(now.within(_slices(2, 4)))
    assert answers_read(built, "fg_a", _slices(2, 4)) is None
    one, two = InputEntry(uri="file:///1", run_id="a"), InputEntry(uri="file:///2", run_id="b")
    (told,) = answers_read(_manifest(READ_OVER, "old", inputs=(one,)), "deltas", _slices(1, 2)) or []
    assert (told.uri, told.run_id, told.interval) == ("file:///1", "a", _slices(1, 2))
    assert answers_read(_manifest(READ_OVER, "old", inputs=(one, two)), "deltas", _slices(1, 2)) is None


def test_adjoining_parts_of_a_partition_are_one_and_parts_around_a_gap_or_another_partition_are_not() -> None:
    ages = {
        "day": [
            (_slices(0, 1), 1),
            (_slices(1, 2), 2),
            (_slices(2, 3), 1),
            (_slices(4, 5), 2),
            (_slices(5, 6), 1),
            (_slices(7, 8), 1),
        ],
        "slice": [(_slices(2, 3), 3)],
    }
    found = answering(ages, WEEK, lambda name: [(part, (EPOCH, str(age), EPOCH)) for part, age in ages[name]])
    assert found == [
        ("day", _slices(0, 2)),
        ("slice", _slices(2, 3)),
        ("day", _slices(4, 6)),
        ("day", _slices(7, 8)),
    ]


def test_a_part_is_stale_by_the_datasets_that_are_compared_and_no_others() -> None:
    """Scores that read deltas and a baseline: another baseline makes the slices stale that it is valid for."""
    first, second = _slices(0, 2), _slices(2, 4)

    def baselines(run_id: str) -> Answers:
        return Answers(
            tuple(
                Answer(uri=f"file:///{run}", run_id=run, start=part.start, end=part.end)
                for run, part in (("a", first), (run_id, second))
            )
        )

    reads = (_answers(SLICE_ONE).named("deltas", READ_OVER), baselines("b").named("fg_b 7d", READ_OVER))
    built = [(_manifest(part, "built", reads=reads), part) for part in (first, second)]
    assert stale_parts(built, {"fg_b 7d": baselines("b")}, lambda part: part) == []
    assert stale_parts(built, {"fg_b 7d": baselines("c")}, lambda part: part) == [second]
