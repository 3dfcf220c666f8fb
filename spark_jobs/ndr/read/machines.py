"""Which host the rows of a table and of a baseline are of, where hosts are machines.

A baseline has the rows of a machine under the addresses that the machine had at its end; features have them under the
address that the machine had then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ndr.contract.datasets import FG_A_MACHINES, FG_B_IP_METADATA
from ndr.contract.time import EPOCH, SLICE, WINDOWS, Interval
from ndr.net.addresses import ip_version
from ndr.read.by_time import TableByTime
from ndr.store.catalog import Partition
from ndr.store.publish import read_table

Ints = NDArray[np.int64]

HOST: Final = "host of the row"
"""Column that a join takes in place of the address: null where the row is of no host."""
MACHINE: Final = "machine_name"
_PLACE: Final = "place of the row"
_LEAST, _MOST = np.iinfo(np.int64).min, np.iinfo(np.int64).max
_COLUMNS: Final = tuple(FG_A_MACHINES.column_names)


@dataclass(frozen=True)
class MachineRows:
    """The hosts of rows, by what the partitions of FG-A tell.

    Attributes
    ----------
    table : TableByTime
        FG_A_MACHINES.
    address : str
        The column of the rows, and of the baselines, that has the address of the host.
    """

    table: TableByTime
    address: str

    def known(self, time: Interval) -> pa.Table:
        """Read the machines of all addresses in a time."""
        schema = self.table.schema
        tables = self.table.rows_of(self.table.scan(time, _COLUMNS), None, schema)
        return pa.concat_tables([schema.empty_table(), *tables])

    def with_hosts(self, rows: pa.Table, known: pa.Table) -> pa.Table:
        """Return rows with MACHINE, which had the address at the end of the window, and HOST.

        A host had the address in all of the window.
        """
        named = known.rename_columns([self.address if name == "host_ip" else name for name in _COLUMNS])
        wanted = rows.select([self.address, "window_end"]).append_column(_PLACE, pa.array(np.arange(len(rows))))
        found = wanted.join(named, [self.address, "window_end"], join_type="left outer").sort_by(_PLACE)
        ends = found["window_end"].cast(pa.int64()).to_numpy()
        is_whole = _instants(found["valid_from"], _LEAST) <= ends - _widths(rows)
        is_whole &= _instants(found["valid_to"], _MOST) >= ends
        hosts = pc.if_else(pa.array(is_whole), _hosts(found[self.address], found[MACHINE]), None)
        return rows.append_column(HOST, hosts).append_column(MACHINE, found[MACHINE])

    def of_baseline(self, baseline: Partition, rows: pa.Table) -> pa.Table:
        """Return the rows of a baseline with HOST: those of a machine under one of its addresses."""
        metadata = read_table(baseline.uri, baseline.manifest, FG_B_IP_METADATA, ("host_ip", MACHINE))
        hosts = pa.table([metadata["host_ip"], _hosts(metadata["host_ip"], metadata[MACHINE])], ["address", "host"])
        chosen = hosts.group_by("host").aggregate([("address", "min")])
        host_of: dict[str, str | None] = dict.fromkeys(metadata["host_ip"].to_pylist())
        host_of |= dict(zip(chosen["address_min"].to_pylist(), chosen["host"].to_pylist(), strict=True))
        addresses = rows[self.address].combine_chunks().dictionary_encode()
        texts = [host_of.get(text, text) for text in addresses.dictionary.to_pylist()]
        column = pa.array(texts, pa.string()).take(addresses.indices)
        return rows.append_column(HOST, column).filter(pc.is_valid(column))


def _hosts(addresses: pa.ChunkedArray, machines: pa.ChunkedArray) -> pa.Array:
    """Return the host of each row: its machine over IPv4 or IPv6, or its address where no machine has it."""
    pairs: Sequence[tuple[str, str | None]] = list(zip(addresses.to_pylist(), machines.to_pylist(), strict=True))
    return pa.array([f"{ip_version(a)} {m.lower()}" if m else a for a, m in pairs], pa.string())


def _widths(rows: pa.Table) -> Ints:
    """Return the length of each row's window in microseconds: a slice where the row does not say."""
    if "window_label" not in rows.column_names:
        return np.full(len(rows), SLICE // EPOCH.resolution)
    labels = rows["window_label"].combine_chunks().dictionary_encode()
    widths = np.array([WINDOWS[label] // EPOCH.resolution for label in labels.dictionary.to_pylist()], np.int64)
    return widths[labels.indices.to_numpy()] if len(labels) else np.zeros(0, np.int64)


def _instants(column: pa.ChunkedArray, missing: int) -> Ints:
    """Return instants in microseconds since the epoch, with another value for null."""
    found: Ints = pc.fill_null(column.cast(pa.int64()), missing).to_numpy()
    return found
