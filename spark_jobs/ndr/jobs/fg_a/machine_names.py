"""Which machine had each address at the end of each slice: what is published beside FG-A where hosts are machines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ndr.contract.datasets import FG_A_MACHINES
from ndr.contract.networks import NetworkLists
from ndr.contract.time import SLICE, SLICE_MICROSECONDS, WINDOWS, Interval, microseconds
from ndr.jobs.host_identity.assignments import BEGINNING, FOREVER, Ints
from ndr.jobs.host_identity.machines import Machines
from ndr.net.networks import is_internal
from ndr.store.schema import ARROW_TYPES, arrow_schema

_ROWS: Final = 1 << 19
"""Rows of a table: memory holds one."""


def machine_names(interval: Interval, machines: Machines, networks: NetworkLists) -> Iterator[pa.Table]:
    """Yield the rows of FG_A_MACHINES for an interval, which together are in the order of their key.

    They are of the internal addresses that had a machine in a window that ends in the interval, also of those without
    a flow. Of the others no machine is known. There is one table, perhaps empty, at least.
    """
    found = machines.assignments
    first, last = (microseconds(at) for at in (interval.start - max(WINDOWS.values()), interval.end))
    held = np.unique(found.address[(found.starts < last) & (found.ends > first)])
    internal = is_internal([found.addresses[place] for place in held.tolist()], networks)
    addresses = held[internal]
    ends = np.array([microseconds(each.end) for each in interval.steps(SLICE)], np.int64)
    names = pa.array([machines.name(each) for each in found.machines], pa.string())
    step = max(1, _ROWS // max(1, len(ends)))
    for start in range(0, max(1, len(addresses)), step):
        yield _table(machines, addresses[start : start + step], ends, names)


def _table(machines: Machines, addresses: Ints, ends: Ints, names: pa.Array) -> pa.Table:
    found = machines.assignments
    place, end = np.repeat(addresses, len(ends)), np.tile(ends, len(addresses))
    holder, since, until = found.states(place, end - SLICE_MICROSECONDS, end)
    machine = np.append(found.machine, -1)[holder]
    columns = [
        pa.array(found.addresses, pa.string()).take(pa.array(place)),
        pa.array(end).cast(ARROW_TYPES["timestamp"]),
        names.take(pa.array(machine, mask=machine < 0)),
        _instants(since, since == BEGINNING),
        _instants(until, until == FOREVER),
    ]
    return pa.table(columns, schema=arrow_schema(FG_A_MACHINES))


def _instants(values: Ints, is_null: NDArray[np.bool_]) -> pa.Array:
    return pa.array(values, pa.int64(), mask=is_null).cast(ARROW_TYPES["timestamp"])
