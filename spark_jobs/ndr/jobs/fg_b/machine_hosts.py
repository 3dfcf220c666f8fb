"""Hosts keyed by machine: their rows under the machine's key, and its baseline under the addresses it has at the end.

Keys are those of `ndr.jobs.host_identity.host_keys`. A row is of the machine that had its address in all of its window;
of the address itself, where no machine had it in any part of the window. A row of a window in which the address changed
its machine is of no host.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Final

import numpy as np
import pyarrow as pa

from ndr.contract.networks import NetworkLists
from ndr.contract.time import EPOCH, WINDOWS, microseconds
from ndr.jobs.fg_b.internal_hosts import chosen_rows, of_internal_hosts
from ndr.jobs.fg_b.row_columns import FoundRows
from ndr.jobs.host_identity.assignments import SEVERAL, AddressAssignments
from ndr.jobs.host_identity.host_keys import HostKeys, is_machine, machine_of
from ndr.jobs.host_identity.machines import Machines
from ndr.jobs.host_identity.renamed_hosts import coded_texts, renamed_hosts
from ndr.net.networks import is_internal

_MACHINES: Final = pa.schema([("ip_address", pa.string()), ("machine_name", pa.string())])


@dataclass(frozen=True)
class MachineHosts:
    """The keys of hosts, and the addresses that their baselines are published under."""

    machines: Machines

    @property
    def assignments(self) -> AddressAssignments:
        return self.machines.assignments

    @cached_property
    def keys(self) -> HostKeys:
        """The keys of the hosts."""
        return HostKeys(self.assignments)

    def keyed(self, found: FoundRows, networks: NetworkLists) -> FoundRows:
        """Return the rows of internal hosts under the keys of their hosts, without those of no host."""
        keys, selections = of_internal_hosts(*found, networks)
        hosts = keys.texts["host_ip"]
        widths = np.array([_width(label) for label in keys.texts["window_label"]], np.int64)
        ends = keys.ends[keys.end_codes]
        addresses = self.assignments.places(hosts)[keys.codes["host_ip"]]
        holders = self.assignments.holders(addresses, ends - widths[keys.codes["window_label"]], ends)
        texts = [*hosts, *self.keys.texts]
        codes = np.where(holders >= 0, len(hosts) + self.keys.of_assignment[holders], keys.codes["host_ip"])
        keyed = replace(
            keys,
            codes={**keys.codes, "host_ip": codes.astype(np.min_scalar_type(len(texts)))},
            texts={**keys.texts, "host_ip": texts},
        )
        return chosen_rows(keyed, selections, holders != SEVERAL)

    def keyed_table(self, rows: pa.Table) -> pa.Table:
        """Return rows with host_ip, window_label and window_end as `keyed` does; the hosts are internal."""
        hosts, labels = (coded_texts(rows[name]) for name in ("host_ip", "window_label"))
        codes = hosts.indices.to_numpy()
        widths = np.array([_width(label) for label in labels.dictionary.to_pylist()], np.int64)
        ends = rows["window_end"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()
        addresses = self.assignments.places(hosts.dictionary)[codes]
        holders = self.assignments.holders(addresses, ends - widths[labels.indices.to_numpy()], ends)
        texts = pa.concat_arrays([hosts.dictionary, pa.array(self.keys.texts, pa.string())])
        of_machine = len(hosts.dictionary) + self.keys.of_assignment[holders]
        keyed = texts.take(pa.array(np.where(holders >= 0, of_machine, codes)))
        place = rows.schema.get_field_index("host_ip")
        return rows.set_column(place, rows.schema.field(place), keyed).filter(pa.array(holders != SEVERAL))

    def known(self, end: datetime) -> pa.Table:
        """Return the machines that a baseline of an end is published for: ip_address is their key, and machine_name."""
        found = sorted(set(self._published(end).values()))
        names = [self.machines.name(machine_of(key)) for key in found]
        return pa.table([found, names], schema=_MACHINES)

    def addressed(self, table: pa.Table, end: datetime) -> pa.Table:
        """Return the rows of a baseline under the addresses of their hosts at its end.

        Those of a machine are repeated for each address that it has then, or had last where it has none and no other
        machine took it over; those of an address that a machine has are left out.
        """
        return _addressed(table, "host_ip", self._published(end))

    def addressed_pairs(self, pairs: pa.Table, end: datetime, networks: NetworkLists) -> pa.Table:
        """Return the pairs of a baseline under the addresses of their sources as `addressed` does."""
        published = self._published(end)
        internal = is_internal(list(published), networks).tolist()
        of_internal = {address: key for (address, key), own in zip(published.items(), internal, strict=True) if own}
        return _addressed(pairs, "src_ip", of_internal)

    def _published(self, end: datetime) -> dict[str, str]:
        """Return the key of the machine that each address stands for at an instant, where it is one."""
        instant, found = microseconds(end), self.assignments
        now = found.at(instant)
        present = set(self.keys.of_assignment[now].tolist())
        # Of a machine without an address the last one counts that it had.
        lapsed = found.lapsed(instant)
        lapsed = lapsed[np.argsort(-found.ends[lapsed], kind="stable")]
        last: list[int] = []
        for place in lapsed.tolist():
            if (key := int(self.keys.of_assignment[place])) not in present:
                present.add(key)
                last.append(place)
        keys = self.keys
        return {found.addresses[found.address[place]]: keys.texts[keys.of_assignment[place]] for place in [*now, *last]}


def _addressed(table: pa.Table, column: str, published: Mapping[str, str]) -> pa.Table:
    """Return rows under the addresses of their hosts; `published` has the key that an address stands for."""
    addresses_of: dict[str, list[str]] = {}
    for address, key in published.items():
        addresses_of.setdefault(key, []).append(address)

    def names_of(key: str) -> list[str]:
        return addresses_of.get(key, []) if is_machine(key) else [key] if key not in published else []

    return renamed_hosts(table, names_of, column)


def _width(label: str) -> int:
    return WINDOWS[label] // EPOCH.resolution
