"""Whose baseline judges a window: that of the machine that had the address in all of it.

The host of a baseline is its address, or the address and the machine that has it: a machine that took over an address
is another host than the one before. A window in which the address changed its machine has no host.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pyarrow as pa

from ndr.contract.time import EPOCH, WINDOWS, Interval, microseconds
from ndr.jobs.host_identity.assignments import NOBODY, SEVERAL, AddressAssignments
from ndr.jobs.host_identity.renamed_hosts import coded_texts, renamed_hosts
from ndr.net.addresses import ip_version

BASELINE_HOST: Final = "baseline_host"
"""Column of FG-A rows: the host of the baseline that judges the window; null where there is none."""

_MARK: Final = " "
"""Sorts before all that an address consists of, so that hosts are in the order of their addresses."""

Stayed = Callable[[str, int, int], bool]
"""Tells whether a host had its address in all of a time [start, end), microseconds since the epoch."""


def always(host: str, start: int, end: int) -> bool:
    """Tell that each address is always the same host."""
    return True


BaselineRows = Callable[[pa.Table], pa.Table]
"""Gives rows of a baseline with `host_ip` the hosts that they judge."""


def as_they_are(rows: pa.Table) -> pa.Table:
    """Return rows of a baseline whose hosts are addresses."""
    return rows


def address_of(host: str) -> str:
    """Return the address of the host of a baseline."""
    return host.partition(_MARK)[0]


def addresses_of(hosts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the addresses of the hosts of baselines, plain text."""
    coded = coded_texts(hosts)
    texts = coded.dictionary.to_pylist()
    if not any(_MARK in text for text in texts):
        return hosts
    return pa.chunked_array([pa.array([address_of(text) for text in texts], pa.string()).take(coded.indices)])


@dataclass(frozen=True)
class MachineHosts:
    """The hosts of baselines in a time over which `assignments` are known."""

    assignments: AddressAssignments

    def with_hosts(self, rows: pa.Table) -> pa.Table:
        """Return FG-A rows with BASELINE_HOST."""
        addresses, labels = (coded_texts(rows[name]) for name in ("host_ip", "window_label"))
        codes = addresses.indices.to_numpy()
        widths = np.array([WINDOWS[label] // EPOCH.resolution for label in labels.dictionary.to_pylist()], np.int64)
        ends = rows["window_end"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()
        starts = ends - widths[labels.indices.to_numpy()] if len(ends) else ends
        places = self.assignments.places(addresses.dictionary.to_pylist())
        holders = self.assignments.holders(places[codes] if len(codes) else codes, starts, ends)
        names = pa.concat_arrays([addresses.dictionary, pa.array(self._hosts, pa.string())])
        number = np.where(holders == NOBODY, codes, len(addresses.dictionary) + holders)
        column = names.take(pa.array(number, mask=holders == SEVERAL))
        return rows.append_column(BASELINE_HOST, column)

    def of_baseline(self, metadata: pa.Table, part: Interval) -> BaselineRows:
        """Return a function that gives the rows of a baseline the hosts that they judge in a part of the time.

        Parameters
        ----------
        metadata : pa.Table
            host_ip and machine_name of the baseline's ip_metadata: a machine's rows are under the address that it had
            at the end of the baseline.
        """
        source_of: dict[tuple[str, int], str] = {}
        hosts_of: dict[str, list[str]] = {}
        for address, name in zip(metadata["host_ip"].to_pylist(), metadata["machine_name"].to_pylist(), strict=True):
            if name is None:
                hosts_of[address] = [address]
            else:
                source_of.setdefault((name.lower(), ip_version(address)), address)
        found, machines = self.assignments, self.assignments.machines
        first, last = microseconds(part.start - max(WINDOWS.values())), microseconds(part.end)
        for place in np.flatnonzero((found.starts < last) & (found.ends > first)).tolist():
            version = ip_version(found.addresses[found.address[place]])
            source = source_of.get((machines[found.machine[place]], version))
            if source is not None:
                hosts_of.setdefault(source, []).append(self._hosts[place])
        distinct = {address: sorted(set(hosts)) for address, hosts in hosts_of.items()}
        return lambda table: renamed_hosts(table, lambda address: distinct.get(address, []))

    def stayed(self, host: str, start: int, end: int) -> bool:
        """Tell whether a host had its address in all of a time: that of an address alone, that no machine had it."""
        address, _, machine = host.partition(_MARK)
        times = self._times.get(address, [])
        if not machine:
            return all(ends <= start or end <= starts for _, starts, ends in times)
        return any(own == machine and starts <= start and end <= ends for own, starts, ends in times)

    @cached_property
    def _hosts(self) -> list[str]:
        """The host of each assignment."""
        found = self.assignments
        pairs = zip(found.address.tolist(), found.machine.tolist(), strict=True)
        return [f"{found.addresses[address]}{_MARK}{found.machines[machine]}" for address, machine in pairs]

    @cached_property
    def _times(self) -> dict[str, list[tuple[str, int, int]]]:
        found = self.assignments
        columns = (found.address.tolist(), found.machine.tolist(), found.starts.tolist(), found.ends.tolist())
        times: dict[str, list[tuple[str, int, int]]] = {}
        for address, machine, start, end in zip(*columns, strict=True):
            times.setdefault(found.addresses[address], []).append((found.machines[machine], start, end))
        return times
