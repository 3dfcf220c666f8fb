"""The tables of a project by name, and where each is read from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from ndr.contract.datasets import (
    DELTAS,
    FG_A,
    FG_A_MACHINES,
    FG_B_IP_METADATA,
    FG_B_PAIR_HOST,
    FG_C_HOSTS,
    FG_C_PAIRS,
    FG_C_SCORES,
    MACHINE_INVENTORY,
    PAIR_COUNTS,
    PEER_DELTAS,
    QUARANTINE,
    Dataset,
    fg_b_host,
    fg_b_tables,
)
from ndr.contract.errors import InvalidRequestError
from ndr.contract.jobspecs import (
    DELTA_BUILDER,
    FG_A_BUILDER,
    FG_B_BUILDER,
    FG_C_BUILDER,
    MACHINE_INVENTORY_UNLOAD,
    PAIR_COUNTS_BUILDER,
)
from ndr.contract.table_names import table_name
from ndr.read.by_baseline import TableOfBaselines
from ndr.read.by_month import TableByMonth
from ndr.read.by_time import TableByTime
from ndr.read.machines import MachineRows
from ndr.read.place import Place
from ndr.read.source import UNBOUNDED, Bounds, Source
from ndr.read.with_baseline import TableWithBaseline

WITH_BASELINE: Final = "_with_baseline"
"""Ends the name of a table that is joined with the baseline that was valid then."""


def sources(place: Place, bounds: Bounds = UNBOUNDED) -> dict[str, Source]:
    """Return what each table of a place is read from, by the table's name. Nothing is read yet.

    The tables of FG-C are absent where the project has no fg_c_builder JobSpec.
    """
    by_time = {each.dataset.name: each for each in _by_time(place, bounds)}
    fg_b = place.jobspecs[FG_B_BUILDER].spec
    of_baselines = partial(TableOfBaselines, prefix=fg_b.outputs.fg_b, owner=place.owner)
    inventory = TableByMonth(place.jobspecs[MACHINE_INVENTORY_UNLOAD].spec.output, bounds)
    # The baseline that was valid for a time ended before it, so the bounds of time are those of the rows.
    as_of = Bounds(as_of=bounds.as_of)
    joined = {
        rows.name: TableWithBaseline(
            by_time[rows.name], of_baselines(baseline, bounds=as_of), key, _machines(place, bounds, key[0])
        )
        for rows, baseline, key in _joins(fg_b.metrics)
        if rows.name in by_time
    }
    return {
        **{table_name(name): source for name, source in by_time.items()},
        **{table_name(table.name): of_baselines(table, bounds=bounds) for table in fg_b_tables(fg_b.metrics)},
        MACHINE_INVENTORY.name: inventory,
        **{f"{table_name(name)}{WITH_BASELINE}": source for name, source in joined.items()},
    }


@dataclass(frozen=True)
class DescribedTable:
    """What a person has to know to query a table.

    Attributes
    ----------
    time_column : str, optional
        The column whose filter decides which partitions are read.
    key : tuple of str
        The columns that identify a row.
    """

    name: str
    time_column: str | None
    columns: tuple[str, ...]
    key: tuple[str, ...]


def described_tables(place: Place) -> list[DescribedTable]:
    """Describe all tables of a place, in the order of `sources`."""
    return [
        DescribedTable(name, source.dataset.time_column, tuple(source.schema.names), source.row_key)
        for name, source in sources(place).items()
    ]


def source_of(name: str, place: Place, bounds: Bounds) -> Source:
    """Return what a table is read from.

    Raises
    ------
    InvalidRequestError
        The place has no such table; the sentence names those that it has.
    """
    known = sources(place, bounds)
    if name not in known:
        raise InvalidRequestError(f"There is no table {name!r}; there are {', '.join(known)}.")
    return known[name]


def _by_time(place: Place, bounds: Bounds) -> Iterable[TableByTime]:
    specs = place.jobspecs
    deltas, owner = specs[DELTA_BUILDER].spec.outputs.deltas, place.owner
    for dataset in (DELTAS, PEER_DELTAS, QUARANTINE):
        yield TableByTime(dataset, deltas, owner, bounds)
    yield TableByTime(FG_A, specs[FG_A_BUILDER].spec.outputs.fg_a, owner, bounds)
    yield TableByTime(PAIR_COUNTS, specs[PAIR_COUNTS_BUILDER].spec.outputs.pair_counts, owner, bounds)
    if FG_C_BUILDER in specs:
        for dataset in (FG_C_SCORES, FG_C_HOSTS, FG_C_PAIRS):
            yield TableByTime(dataset, specs[FG_C_BUILDER].spec.outputs.fg_c, owner, bounds)


def _machines(place: Place, bounds: Bounds, address: str) -> MachineRows | None:
    """Return the machines of the addresses in a column; None where hosts are addresses."""
    if place.jobspecs[FG_B_BUILDER].spec.host_identity == "address":
        return None
    prefix = place.jobspecs[FG_A_BUILDER].spec.outputs.fg_a
    return MachineRows(TableByTime(FG_A_MACHINES, prefix, place.owner, bounds), address)


def _joins(metrics: Iterable[str]) -> list[tuple[Dataset, Dataset, tuple[str, ...]]]:
    """Return the tables that are joined with a table of the baselines, and by which columns.

    Scores name their baseline and what it said themselves.
    """
    return [
        (FG_A, fg_b_host(metrics), ("host_ip", "role", "time_band", "window_label")),
        (FG_C_HOSTS, FG_B_IP_METADATA, ("host_ip",)),
        (FG_C_PAIRS, FG_B_PAIR_HOST, ("src_ip", "dst_ip", "dst_port")),
    ]
