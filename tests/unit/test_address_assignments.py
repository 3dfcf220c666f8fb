from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndr.jobs.host_identity.assignments import (
    BEGINNING,
    FOREVER,
    NOBODY,
    OBSERVATIONS,
    SEVERAL,
    AddressAssignments,
)

ADDRESSES = ("10.0.0.1", "10.0.0.2", "2001:db8::1")
Row = dict[str, Any]


def _row(address: str, machine: str | None, at: int, until: int | None = None, is_lease: bool = False) -> Row:
    return {"address": address, "machine": machine, "observed_at": at, "until": until, "is_lease": is_lease}


def _assignments(rows: list[Row]) -> AddressAssignments:
    return AddressAssignments.of(pa.Table.from_pylist(rows, OBSERVATIONS))


def _listed(found: AddressAssignments) -> list[tuple[str, str, int, int]]:
    columns = (found.address.tolist(), found.machine.tolist(), found.starts.tolist(), found.ends.tolist())
    return [(found.addresses[a], found.machines[m], start, end) for a, m, start, end in zip(*columns, strict=True)]


def _leases(at: int) -> st.SearchStrategy[Row]:
    lease = st.builds(
        lambda a, m, long: _row(a, m, at, at + long, True), st.sampled_from(ADDRESSES), st.sampled_from("abc"),
        st.integers(1, 15),
    )  # fmt: skip
    release = st.builds(lambda a: _row(a, None, at, at, True), st.sampled_from(ADDRESSES))
    listed = st.builds(lambda a, m: _row(a, m, at), st.sampled_from(ADDRESSES), st.sampled_from([*"abc", None]))
    return st.one_of(lease, release, listed)


OBSERVED = st.lists(st.integers(0, 40).flatmap(_leases), max_size=25)


def _until(row: Row) -> int:
    return FOREVER if row["until"] is None else int(row["until"])


def _at(rows: list[Row], address: str, instant: int) -> str | None:
    """The machine of an address at an instant, by its definition: without the join of neighbours."""
    own = [row for row in rows if row["address"] == address and row["observed_at"] <= instant]
    last_first = sorted(
        own,
        key=lambda row: (row["observed_at"], row["is_lease"], row["machine"] or "", _until(row)),
        reverse=True,
    )
    for row in last_first:
        if row["is_lease"] or not _in_a_lease(last_first, row):
            return row["machine"] if instant < _until(row) else None
    return None


def _in_a_lease(last_first: list[Row], row: Row) -> bool:
    before = [other for other in last_first if other["is_lease"] and other["observed_at"] < row["observed_at"]]
    return bool(before) and before[0]["until"] > row["observed_at"]


@given(OBSERVED)
def test_assignments_of_an_address_do_not_overlap_and_neighbours_differ(rows: list[Row]) -> None:
    found = _listed(_assignments(rows))
    assert all(start < end for _, _, start, end in found)
    for before, after in pairwise(found):
        assert before[0] < after[0] or (before[0] == after[0] and before[3] <= after[2])
        assert before[:2] != after[:2]


@given(OBSERVED, st.randoms())
def test_the_order_and_the_repetition_of_observations_do_not_matter(rows: list[Row], random: Any) -> None:
    shuffled = [*rows, *rows[:5]]
    random.shuffle(shuffled)
    assert _listed(_assignments(shuffled)) == _listed(_assignments(rows))


@given(OBSERVED)
def test_at_each_instant_the_machine_is_that_of_the_definition(rows: list[Row]) -> None:
    found = _listed(_assignments(rows))
    for address in ADDRESSES:
        for instant in range(60):
            valid = [machine for a, machine, start, end in found if a == address and start <= instant < end]
            wanted = _at(rows, address, instant)
            if wanted is not None or not valid:
                assert valid == ([] if wanted is None else [wanted])
            else:  # joined over a time in which nobody had it
                assert valid == [_next_machine(rows, address, instant)]


def _next_machine(rows: list[Row], address: str, instant: int) -> str | None:
    later = (_at(rows, address, moment) for moment in range(instant, 60))
    return next((machine for machine in later if machine is not None), None)


@given(OBSERVED, st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50), st.integers(1, 20)), max_size=30))
def test_holders_equal_a_look_at_every_assignment(rows: list[Row], asked: list[tuple[int, int, int]]) -> None:
    found = _assignments(rows)
    texts = [(*ADDRESSES, "10.9.9.9")[number] for number, _, _ in asked]
    starts = np.array([start for _, start, _ in asked], np.int64)
    ends = starts + np.array([length for _, _, length in asked], np.int64)
    holders = found.holders(found.places(texts), starts, ends).tolist()
    listed = _listed(found)
    for text, start, end, holder in zip(texts, starts.tolist(), ends.tolist(), holders, strict=True):
        touched = [n for n, (a, _, begins, stops) in enumerate(listed) if a == text and begins < end and stops > start]
        whole = [n for n in touched if listed[n][2] <= start and listed[n][3] >= end]
        assert holder == (whole[0] if whole else SEVERAL if touched else NOBODY)
    only = found.only_holders(found.places(texts), starts, ends).tolist()
    for text, start, end, holder in zip(texts, starts.tolist(), ends.tolist(), only, strict=True):
        touched = [n for n, (a, _, begins, stops) in enumerate(listed) if a == text and begins < end and stops > start]
        assert holder == (NOBODY if not touched else touched[0] if len(touched) == 1 else SEVERAL)


def test_a_machine_has_an_address_until_a_snapshot_gives_it_to_another() -> None:
    found = _assignments([_row("10.0.0.1", "old", BEGINNING), _row("10.0.0.1", "new", 100)])
    assert _listed(found) == [("10.0.0.1", "old", BEGINNING, 100), ("10.0.0.1", "new", 100, FOREVER)]


def test_an_address_that_a_snapshot_no_longer_lists_has_no_machine() -> None:
    found = _assignments([_row("10.0.0.1", "old", BEGINNING), _row("10.0.0.1", None, 100)])
    assert _listed(found) == [("10.0.0.1", "old", BEGINNING, 100)]


def test_a_lease_refines_the_inventory_and_ends_by_itself() -> None:
    rows = [_row("10.0.0.1", "old", BEGINNING), _row("10.0.0.1", "new", 40, 60, True), _row("10.0.0.1", "old", 50)]
    assert _listed(_assignments(rows)) == [("10.0.0.1", "old", BEGINNING, 40), ("10.0.0.1", "new", 40, 60)]
    after = [*rows, _row("10.0.0.1", "old", 70)]
    assert _listed(_assignments(after))[-1] == ("10.0.0.1", "old", 70, FOREVER)


def test_a_renewed_lease_is_one_assignment_and_a_release_ends_it() -> None:
    rows = [_row("10.0.0.1", "pc", at, at + 20, True) for at in (0, 10, 50)] + [_row("10.0.0.1", None, 55, 55, True)]
    assert _listed(_assignments(rows)) == [("10.0.0.1", "pc", 0, 55)]


def test_spellings_of_an_address_are_one_address() -> None:
    found = _assignments([_row("2001:DB8:0::1", "pc", 0), _row("::ffff:10.0.0.1", "pc", 0), _row("nowhere", "pc", 0)])
    assert found.addresses == ("10.0.0.1", "2001:db8::1")


@pytest.mark.parametrize(("instant", "valid", "lapsed"), [(5, ["a"], []), (20, [], ["a"]), (30, ["b"], [])])
def test_who_has_an_address_and_who_had_it_last(instant: int, valid: list[str], lapsed: list[str]) -> None:
    found = _assignments([_row("10.0.0.1", "a", 0, 10, True), _row("10.0.0.1", "b", 30, 40, True)])
    machines = np.array(found.machines, object)
    assert machines[found.machine[found.at(instant)]].tolist() == valid
    assert machines[found.machine[found.lapsed(instant)]].tolist() == lapsed


@given(OBSERVED, st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50), st.integers(1, 20)), max_size=30))
def test_states_equal_a_look_at_every_assignment(rows: list[Row], asked: list[tuple[int, int, int]]) -> None:
    found = _assignments(rows)
    texts = [(*ADDRESSES, "10.9.9.9")[number] for number, _, _ in asked]
    starts = np.array([start for _, start, _ in asked], np.int64)
    ends = starts + np.array([length for _, _, length in asked], np.int64)
    states = (each.tolist() for each in found.states(found.places(texts), starts, ends))
    listed = _listed(found)
    for text, start, end, state in zip(texts, starts.tolist(), ends.tolist(), zip(*states, strict=True), strict=True):
        own = [(n, begins, stops) for n, (a, _, begins, stops) in enumerate(listed) if a == text]
        held = [each for each in own if each[1] < end and each[2] > start]
        before = [stops for _, _, stops in own if stops <= start]
        after = [begins for _, begins, _ in own if begins >= end]
        assert state == (held[-1] if held else (NOBODY, max(before, default=BEGINNING), min(after, default=FOREVER)))
