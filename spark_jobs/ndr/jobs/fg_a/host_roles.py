"""The (host, role) groups of a call, numbered in the order of their key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.datasets import ROLES
from ndr.jobs.fg_a.codes import Integers, encoded, recoded

ROLES_SORTED: Final = pa.array(sorted(ROLES))
INBOUND: Final = 0
OUTBOUND: Final = 1


@dataclass(frozen=True)
class HostRoles:
    """Hosts in text order; host number × 2 + role number (inbound 0, outbound 1) is the group."""

    hosts: pa.Array

    @classmethod
    def of(cls, deltas: pa.Table) -> HostRoles:
        """Return the groups that `deltas` may hold rows of."""
        _, hosts = encoded(deltas, "host_ip")
        return cls(hosts.take(pc.sort_indices(hosts)))

    def __len__(self) -> int:
        return 2 * len(self.hosts)

    def groups(self, table: pa.Table) -> Integers:
        """Return each row's group by `host_ip` and `role`; -1 for a host or role that is not among them."""
        hosts = recoded(table, "host_ip", self.hosts)
        roles = recoded(table, "role", ROLES_SORTED)
        return np.where((hosts < 0) | (roles < 0), -1, 2 * hosts + roles)

    def groups_in_role(self, table: pa.Table, name: str, role: int) -> Integers:
        """Return the group, in one role, of the hosts in column `name`; -1 for one that is not among them."""
        numbers = recoded(table, name, self.hosts)
        return np.where(numbers < 0, -1, 2 * numbers + role)

    def columns(self, groups: Integers) -> tuple[pa.Array, pa.Array]:
        """Return `host_ip` and `role` of groups."""
        return self.hosts.take(pa.array(groups >> 1)), ROLES_SORTED.take(pa.array(groups & 1))


@dataclass(frozen=True)
class SortOrder:
    """The sort order of rows by (group, slice): which rows, their slices, and where each group starts and ends.

    `rows` are positions in the table, `slices` slice numbers, `groups` groups, all of one length; group g has
    the entries `offsets[g]` to `offsets[g + 1]`.
    """

    rows: Integers
    groups: Integers
    slices: Integers
    offsets: Integers

    @classmethod
    def of(cls, groups: Integers, slices: Integers, group_count: int, first: int, stop: int) -> SortOrder:
        """Sort the rows of known groups whose slice is in [first, stop)."""
        kept = np.flatnonzero((groups >= 0) & (slices >= first) & (slices < stop))
        keys = groups[kept] * (stop - first) + (slices[kept] - first)
        # The order within a slice is arbitrary: every feature is a sum, a maximum or a set.
        by_key = np.argsort(keys)
        rows, keys = kept[by_key], keys[by_key]
        sorted_groups, sorted_slices = np.divmod(keys, stop - first)
        offsets = np.searchsorted(sorted_groups, np.arange(group_count + 1))
        return cls(rows, sorted_groups, sorted_slices + first, offsets)
