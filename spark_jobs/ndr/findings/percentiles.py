"""The p95 that values were compared with: from the rows of `scores` that explain the reasons of hosts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ndr.contract.datasets import FG_C_SCORES
from ndr.contract.errors import SchemaMismatchError
from ndr.contract.time import SLICE
from ndr.store.catalog import Piece
from ndr.store.footer import PublishedFile
from ndr.store.rows import opened
from ndr.store.scan import Scan

_KEY: Final = ("host_ip", "window_end", "role", "window_label", "metric", "baseline_horizon")
ValueKey = tuple[str, datetime, str, str, str, str]
"""The values of _KEY."""


def p95_of(pieces: Sequence[Piece], hosts: Iterable[tuple[str, datetime]]) -> dict[ValueKey, float]:
    """Return the p95 of the baseline for each value of hosts at window ends.

    Of a file only the row groups are read that can have a row of the hosts: its rows are in the order of the hosts.

    Raises
    ------
    SchemaMismatchError
        A file of scores is gone, or is not what its manifest says of it.
    """
    wanted = set(hosts)
    addresses, ends = {host for host, _ in wanted}, {end for _, end in wanted}
    found: dict[ValueKey, float] = {}
    for piece in pieces:
        here = {end for end in ends if end - SLICE in piece.interval}
        if not here:
            continue
        for file, _ in Scan(FG_C_SCORES, (piece,), FG_C_SCORES.key).published_files():
            for row in _rows(file, addresses, here):
                if row["p95"] is not None and (row["host_ip"], row["window_end"]) in wanted:
                    found[tuple(row[name] for name in _KEY)] = row["p95"]  # type: ignore[index]
    return found


def _rows(file: PublishedFile, hosts: set[str], ends: set[datetime]) -> Iterator[dict[str, Any]]:
    try:
        with opened(file) as parquet:
            for group in range(parquet.num_row_groups):
                if _may_hold(parquet.metadata.row_group(group), hosts):
                    table = parquet.read_row_group(group, [*_KEY, "p95"], use_threads=False)
                    is_wanted = pc.is_in(table["host_ip"].cast(pa.string()), pa.array(sorted(hosts)))
                    table = table.filter(is_wanted)
                    at = pa.array(sorted(ends), table["window_end"].type)
                    yield from table.filter(pc.is_in(table["window_end"], at)).to_pylist()
    except (FileNotFoundError, pa.ArrowException, KeyError) as error:
        raise SchemaMismatchError(
            f"{file.uri} can't be read as {FG_C_SCORES.name} ({str(error).splitlines()[0]}); "
            "build its partition again with the same batch."
        ) from error


def _may_hold(group: pq.RowGroupMetaData, hosts: set[str]) -> bool:
    statistics = next(
        column.statistics
        for column in (group.column(place) for place in range(group.num_columns))
        if column.path_in_schema == "host_ip"
    )
    if statistics is None or not statistics.has_min_max:
        return True
    return any(statistics.min <= host <= statistics.max for host in hosts)
