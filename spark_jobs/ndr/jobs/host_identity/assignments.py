"""Which machine had an address when, as half-open intervals that do not overlap for an address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ndr.net.addresses import canonical_address

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

BEGINNING: Final = 0
"""An instant before all features, microseconds since the epoch."""
FOREVER: Final = int(np.iinfo(np.int64).max)

NOBODY: Final = -1
"""No machine had the address in the time that was asked for."""
SEVERAL: Final = -2
"""A machine had the address in a part of the time only, or several machines had it one after the other."""

OBSERVATIONS: Final = pa.schema(
    [
        ("address", pa.string()),
        ("machine", pa.string()),
        ("observed_at", pa.int64()),
        ("until", pa.int64()),
        ("is_lease", pa.bool_()),
    ]
)
"""An address seen with a machine at an instant, microseconds since the epoch, and until when at most. Without a machine
the address was given back. A lease is from a DHCP log; other rows are from the inventory."""


@dataclass(frozen=True, eq=False)
class AddressAssignments:
    """Rows (address, machine, valid_from, valid_to), sorted by address and time.

    Attributes
    ----------
    addresses, machines : tuple of str
        The distinct ones, sorted.
    address, machine : int64[n]
        Places among them.
    starts, ends : int64[n]
        Half-open, microseconds since the epoch; of an address none overlaps another.
    """

    addresses: tuple[str, ...]
    machines: tuple[str, ...]
    address: Ints
    machine: Ints
    starts: Ints
    ends: Ints

    @classmethod
    def of(cls, observations: pa.Table) -> AddressAssignments:
        """Build them from OBSERVATIONS, in any order and repeated or not.

        An observation holds until the next one of its address, or until its own end. A lease outweighs the inventory:
        what the inventory says while a lease is valid is ignored. Where the same machine has an address again, and no
        other one had it in between, it had the address all the time.
        """
        rows = _distinct(observations)
        addresses, machines = (_texts(rows[name]) for name in ("address", "machine"))
        address, machine = (
            _places(rows[name], texts) for name, texts in (("address", addresses), ("machine", machines))
        )
        observed_at, until = rows["observed_at"].to_numpy(), rows["until"].fill_null(FOREVER).to_numpy()
        is_lease: Flags = rows["is_lease"].to_numpy().astype(bool)
        # Of several at one instant the last one counts: a lease after the inventory, a machine after none.
        order = np.lexsort((until, machine, is_lease, observed_at, address))
        address, machine, observed_at, until = (each[order] for each in (address, machine, observed_at, until))
        kept = _not_outweighed(address, observed_at, until, is_lease[order])
        address, machine, observed_at, until = (each[kept] for each in (address, machine, observed_at, until))
        is_same_address = np.append(address[1:] == address[:-1], False)
        ends = np.minimum(until, np.where(is_same_address, np.append(observed_at[1:], 0), FOREVER))
        some = (machine >= 0) & (ends > observed_at)
        return cls(addresses, machines, *_joined(address[some], machine[some], observed_at[some], ends[some]))

    @classmethod
    def none(cls) -> AddressAssignments:
        """Return that nothing is known."""
        return cls.of(OBSERVATIONS.empty_table())

    def __len__(self) -> int:
        return len(self.address)

    @cached_property
    def _moments(self) -> tuple[Ints, Ints]:
        """Return the distinct starts, and the number of each assignment by address and start: ascending."""
        distinct = np.unique(self.starts)
        return distinct, self.address * (len(distinct) + 1) + np.searchsorted(distinct, self.starts, side="right")

    def places(self, addresses: Sequence[str]) -> Ints:
        """Return the place of each address among `addresses`; -1 where it is not among them."""
        return _places(pa.chunked_array([pa.array(addresses, pa.string())]), self.addresses)

    def holders(self, address: Ints, starts: Ints, ends: Ints) -> Ints:
        """Return the assignment that was valid in all of each time [start, end), or NOBODY or SEVERAL.

        Parameters
        ----------
        address : int64[n]
            What `places` returns.
        starts, ends : int64[n]
            Microseconds since the epoch; none is empty.
        """
        place, is_any = self._last_within(address, starts, ends)
        is_whole = is_any & (self.starts[place] <= starts) & (self.ends[place] >= ends) if len(self) else is_any
        return np.where(is_whole, place, np.where(is_any, SEVERAL, NOBODY))

    def only_holders(self, address: Ints, starts: Ints, ends: Ints) -> Ints:
        """Return the assignment that alone was valid in some part of each time [start, end), or NOBODY or SEVERAL.

        Parameters
        ----------
        address, starts, ends : int64[n]
            As `holders` takes them.
        """
        place, is_any = self._last_within(address, starts, ends)
        before = np.maximum(place - 1, 0)
        is_shared = is_any & (place > 0)
        if len(self):
            is_shared &= (self.address[before] == address) & (self.ends[before] > starts)
        return np.where(is_shared, SEVERAL, np.where(is_any, place, NOBODY))

    def states(self, address: Ints, starts: Ints, ends: Ints) -> tuple[Ints, Ints, Ints]:
        """Return what was so of each address at the end of a time [start, end), and from when to when.

        Parameters
        ----------
        address, starts, ends : int64[n]
            As `holders` takes them.

        Returns
        -------
        (int64[n], int64[n], int64[n])
            The last assignment that was valid in the time, or NOBODY; since when, and until when: from BEGINNING to
            FOREVER where nothing else is known.
        """
        place, is_any = self._last_within(address, starts, ends)
        since, until = np.full(len(address), BEGINNING), np.full(len(address), FOREVER)
        if len(self):
            after = np.minimum(place + 1, len(self) - 1)
            is_before = (self.address[place] == address) & (self.starts[place] < ends)
            is_after = (after > place) & (self.address[after] == address)
            first = (self.address[place] == address) & ~is_before
            since = np.where(is_any, self.starts[place], np.where(is_before, self.ends[place], BEGINNING))
            next_start = np.where(first, self.starts[place], np.where(is_after, self.starts[after], FOREVER))
            until = np.where(is_any, self.ends[place], next_start)
        return np.where(is_any, place, NOBODY), since, until

    def _last_within(self, address: Ints, starts: Ints, ends: Ints) -> tuple[Ints, Flags]:
        """Return the last assignment of each address that began before the end, and whether it meets the time."""
        if not len(self):
            return np.zeros(len(address), np.int64), np.zeros(len(address), bool)
        distinct, moments = self._moments
        wanted = address * (len(distinct) + 1) + np.searchsorted(distinct, ends, side="left")
        last = np.searchsorted(moments, wanted, side="right") - 1
        place = np.maximum(last, 0)
        return place, (last >= 0) & (self.address[place] == address) & (self.ends[place] > starts)

    def at(self, instant: int) -> Ints:
        """Return the assignments that are valid at an instant."""
        return np.flatnonzero((self.starts <= instant) & (instant < self.ends))

    def lapsed(self, instant: int) -> Ints:
        """Return the last assignment of each address that has none at an instant and had one before."""
        began = np.flatnonzero(self.starts <= instant)
        last = began[np.append(np.diff(self.address[began]) > 0, True)] if len(began) else began
        return last[self.ends[last] <= instant]


def _distinct(observations: pa.Table) -> pa.Table:
    """Return the observations with addresses in canonical text, each once; those without an address are left out."""
    coded = observations["address"].combine_chunks().dictionary_encode()
    spelled = pa.array([canonical_address(text) for text in coded.dictionary.to_pylist()], pa.string())
    rows = observations.set_column(0, "address", pc.take(spelled, coded.indices))
    rows = rows.filter(pc.is_valid(rows["address"]))
    return rows.group_by(rows.column_names, use_threads=False).aggregate([])


def _texts(column: pa.ChunkedArray) -> tuple[str, ...]:
    return tuple(sorted(text for text in column.unique().to_pylist() if text is not None))


def _places(column: pa.ChunkedArray, texts: Sequence[str]) -> Ints:
    places = pc.index_in(column, pa.array(texts, pa.string())).fill_null(-1)
    return places.to_numpy().astype(np.int64)  # type: ignore[no-any-return]


def _not_outweighed(address: Ints, observed_at: Ints, until: Ints, is_lease: Flags) -> Flags:
    """Tell which observations, in order of address and time, are leases or lie in no lease of their address."""
    numbers = np.arange(len(address))
    latest = np.maximum.accumulate(np.where(is_lease, numbers, -1)) if len(numbers) else numbers
    place = np.maximum(latest, 0)
    # A lease of the same instant comes after the inventory: it ends it at once.
    is_within = (latest >= 0) & (address[place] == address) & (until[place] > observed_at)
    return is_lease | ~is_within


def _joined(address: Ints, machine: Ints, starts: Ints, ends: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Join the neighbours that have the same address and machine."""
    differs = np.ones(len(address), bool)
    differs[1:] = (address[1:] != address[:-1]) | (machine[1:] != machine[:-1])
    first = np.flatnonzero(differs)
    last = np.append(first[1:], len(address)) - 1 if len(first) else first
    return address[first], machine[first], starts[first], ends[last]
