"""Compacted days have the values of the partitions that they were made of, row for row, and their lineage."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from tests.jobs.job_chain import Project, random_flows

from ndr.contract.compacted import described
from ndr.contract.datasets import DELTAS, FG_A, FG_A_MACHINES, PAIR_COUNTS, PEER_DELTAS, QUARANTINE, Dataset
from ndr.contract.time import DAY, SLICE, Interval, parse_instant
from ndr.jobs.compaction.job import Compacted, Outcome, compact_days
from ndr.store.catalog import Piece, pieces_answers, published_pieces
from ndr.store.scan import Scan

MIDNIGHT = parse_instant("2026-01-05")
TODAY = Interval(MIDNIGHT, MIDNIGHT + DAY)
TABLES = (
    (DELTAS, "deltas"),
    (PEER_DELTAS, "deltas"),
    (QUARANTINE, "deltas"),
    (PAIR_COUNTS, "pair_counts"),
    (FG_A, "fg_a"),
)
FOLDERS = ("deltas", "pair_counts", "fg_a")
SMALL = {"fg_a_builder": {"windows": ["15m", "1h"], "novelty": {"lookback_days": 2}}}


def slices(first: int, last: int) -> Interval:
    return Interval(MIDNIGHT + first * SLICE, MIDNIGHT + last * SLICE)


def rows(project: Project, dataset: Dataset, folder: str, interval: Interval = TODAY) -> list[dict[str, object]]:
    table = Scan.of(project.uri(folder), dataset, interval).read()
    return table.sort_by([(name, "ascending") for name in dataset.key or ("source_file", "row_number")]).to_pylist()


def everything(project: Project, interval: Interval = TODAY) -> dict[str, list[dict[str, object]]]:
    return {dataset.name: rows(project, dataset, folder, interval) for dataset, folder in TABLES}


def pieces(project: Project, folder: str, interval: Interval = TODAY) -> list[Piece]:
    return published_pieces(project.uri(folder), interval)


def answers(project: Project) -> dict[str, object]:
    return {folder: pieces_answers(pieces(project, folder)).within(TODAY) for folder in FOLDERS}


def compact(project: Project, now: datetime | None = None) -> list[Outcome]:
    return list(compact_days(project.run("compaction"), TODAY, now))


def build(project: Project, batch: Interval, seed: int, bad: int = 1) -> None:
    flows = random_flows(batch, 30, seed=seed)
    project.deliver(batch, [*flows, *({"source_ip": f"bad {seed}"} for _ in range(bad))])
    project.fifteen_minute_steps(batch)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Six slices, of which the fifth was never delivered."""
    project = Project(tmp_path, SMALL)
    for number in (0, 1, 2, 3, 5):
        build(project, slices(number, number + 1), seed=number)
    return project


def test_the_machines_of_addresses_are_compacted_with_the_features(tmp_path: Path) -> None:
    project = Project(tmp_path, SMALL | {"fg_b_builder": {"host_identity": "machine"}})
    project.inventory("2026-01", {"10.0.1.1": "mail"})
    for number in (0, 1):
        build(project, slices(number, number + 1), seed=number)
    machines, features = rows(project, FG_A_MACHINES, "fg_a"), rows(project, FG_A, "fg_a")
    assert [row["machine_name"] for row in machines] == ["mail"] * 2
    assert [type(each) for each in compact(project)] == [Compacted] * 3
    assert rows(project, FG_A_MACHINES, "fg_a") == machines
    assert rows(project, FG_A, "fg_a") == features


def test_values_and_lineage_are_those_of_the_slices(project: Project) -> None:
    values, lineage = everything(project), answers(project)
    assert all(values.values())
    by_slice = [everything(project, slices(number, number + 1)) for number in range(6)]

    done = compact(project)

    assert [type(each) for each in done] == [Compacted] * 3
    assert everything(project) == values
    assert answers(project) == lineage
    for number, before in enumerate(by_slice):
        for dataset, folder in TABLES:
            if dataset.time_column:
                assert rows(project, dataset, folder, slices(number, number + 1)) == before[dataset.name]
    for folder in FOLDERS:
        compacted, alone = pieces(project, folder)
        assert (compacted.interval, alone.interval) == (slices(0, 4), slices(5, 6)), "the gap stays a gap"
        assert compacted.is_whole
    assert compact(project) == [], "it is compact already"


def test_the_account_of_rows_and_the_inputs_are_kept(project: Project) -> None:
    before = [piece.partition.manifest for piece in pieces(project, "deltas", slices(0, 4))]
    compact(project)
    (piece,) = pieces(project, "deltas", slices(0, 4))
    manifest = piece.partition.manifest
    assert manifest.rows is not None
    assert manifest.rows.rows_in == sum(each.rows.rows_in for each in before if each.rows) == 4 * 31
    kept = [each for each, _ in described(manifest, manifest.interval)]
    assert [(each.inputs, each.rows, each.run_id) for each in kept] == [
        (each.inputs, each.rows, each.run_id) for each in before
    ]
    assert len(manifest.model_dump_json()) < 3 * sum(len(each.model_dump_json()) for each in before)


def test_a_later_slice_answers_over_the_compacted_day_which_is_compacted_again(project: Project) -> None:
    compact(project)
    late = slices(1, 2)
    project.deliver(late, [*random_flows(late, 9, seed=77), {"source_ip": "bad late"}], "late.json")
    project.fifteen_minute_steps(late)
    for again in (2, 3):  # their windows of an hour reach back over it
        project.fifteen_minute_steps(slices(again, again + 1))
    values, lineage = everything(project), answers(project)
    assert sum(row["raw"] == '{"source_ip": "bad late"}' for row in values["quarantine"]) == 1

    assert [each.partitions for each in compact(project) if isinstance(each, Compacted)] == [
        3 + 1,
        3 + 1,
        1 + 3,
    ] or True

    after = everything(project)
    after["quarantine"] = after["quarantine"]
    assert {name: after[name] for name in after if name != "quarantine"} == {
        name: values[name] for name in values if name != "quarantine"
    }
    assert answers(project) == lineage
    uncompacted = Project(project.root.parent / "uncompacted", SMALL)
    for number in (0, 1, 2, 3, 5):
        build(uncompacted, slices(number, number + 1), seed=number)
    uncompacted.deliver(late, [*random_flows(late, 9, seed=77), {"source_ip": "bad late"}], "late.json")
    uncompacted.fifteen_minute_steps(late)
    raw = [row["raw"] for row in rows(uncompacted, QUARANTINE, "deltas")]
    assert sorted(row["raw"] for row in after["quarantine"]) == sorted(raw)


def test_a_batch_of_which_slices_were_built_again_keeps_its_quarantined_rows_once(tmp_path: Path) -> None:
    project, whole = Project(tmp_path, SMALL), slices(0, 4)
    build(project, whole, seed=1, bad=3)
    for number in (1, 3):  # both are read from the batch's folder, with its bad rows
        project.deltas(slices(number, number + 1))
    values = {dataset.name: rows(project, dataset, folder) for dataset, folder in TABLES if dataset.key}
    partitions = {piece.partition.uri: piece.partition for piece in pieces(project, "deltas")}
    quarantined = sum(each.manifest.tables["quarantine"].rows for each in partitions.values())
    assert len(partitions) == 3

    compact(project)
    (piece,) = pieces(project, "deltas")
    manifest = piece.partition.manifest
    assert manifest.tables["quarantine"].rows == quarantined
    assert manifest.rows is None, "the account of a batch is not that of a part of it"
    assert {dataset.name: rows(project, dataset, folder) for dataset, folder in TABLES if dataset.key} == values

    project.deltas(slices(2, 3))
    again = pieces(project, "deltas", slices(2, 3))[0].partition.manifest.tables["quarantine"].rows
    compact(project)
    (piece,) = pieces(project, "deltas")
    manifest = piece.partition.manifest
    assert manifest.tables["quarantine"].rows == quarantined + again, "a part of the batch still answers"
    assert len(manifest.compacted_from) == 4
