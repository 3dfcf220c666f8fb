"""Numbers for the groups in which hosts are counted: all hosts, or those of a segment, in a role, window and end."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ndr.contract.datasets import INBOUND, OUTBOUND, ROLES
from ndr.jobs.fg_c.formulas import Ints
from ndr.jobs.fg_c.rows import FeatureRows

NETWORK: Final = ""
"""In place of a segment: all hosts."""
GROUP: Final = ("segment_id", "role", "window_label", "window_end")
"""`window_end` in microseconds since the epoch."""


@dataclass(frozen=True)
class Scopes:
    """The groups that rows can have: `names` are NETWORK and the segments, `scope_of` the place of each host's segment.

    Of the roles there are all of ROLES: a host has the discounts of roles that other rows have.
    """

    names: tuple[str, ...]
    windows: tuple[str, ...]
    instants: Ints
    scope_of: Ints

    @classmethod
    def of(cls, rows: FeatureRows, segments: Sequence[str]) -> Scopes:
        """Take the rows, and the segment of each of their hosts."""
        names = [NETWORK, *sorted(set(segments))]
        place = {name: number for number, name in enumerate(names)}
        scope_of = np.array([place[name] for name in segments], np.int64)
        return cls(tuple(names), rows.windows, rows.instants, scope_of)

    def __len__(self) -> int:
        return len(self.names) * self._each

    @property
    def _each(self) -> int:
        return len(ROLES) * len(self.windows) * len(self.instants)

    def of_network(self, rows: FeatureRows) -> Ints:
        """Return the group of each row among all hosts."""
        role = np.array([ROLES.index(name) for name in rows.roles], np.int64)[rows.role_of]
        return (role * len(self.windows) + rows.window_of) * len(self.instants) + rows.end_of

    def of_segment(self, rows: FeatureRows) -> Ints:
        """Return the group of each row among the hosts of its segment."""
        return self.scope_of[rows.host_of] * self._each + self.of_network(rows)

    def of_clients(self, rows: FeatureRows) -> Ints:
        """Return the group of the hosts that open flows, for rows of contacted hosts; -1 for others."""
        is_inbound = np.array([name == INBOUND for name in rows.roles], bool)[rows.role_of]
        to_outbound = (ROLES.index(OUTBOUND) - ROLES.index(INBOUND)) * len(self.windows) * len(self.instants)
        return np.where(is_inbound, self.of_network(rows) + to_outbound, -1)

    def present(self, rows: FeatureRows, counted: Collection[str]) -> Ints:
        """Return the groups that have rows, of the network and of the segments in `counted`, ascending."""
        has_rows = np.zeros(len(self), bool)
        has_rows[self.of_segment(rows)] = True
        is_counted = np.array([name in counted for name in self.names], bool)
        has_rows.reshape(len(self.names), -1)[~is_counted] = False
        has_rows[self.of_network(rows)] = True
        return np.flatnonzero(has_rows)

    def columns(self, groups: Ints) -> list[pa.Array]:
        """Return the columns GROUP of groups."""
        rest, end = np.divmod(groups, max(1, len(self.instants)))
        rest, window = np.divmod(rest, max(1, len(self.windows)))
        scope, role = np.divmod(rest, len(ROLES))
        texts = ((self.names, scope), (ROLES, role), (self.windows, window))
        words = [pa.array(list(words), pa.string()).take(pa.array(places)) for words, places in texts]
        return [*words, pa.array(self.instants[end])]

    def places(self, keys: pa.Table) -> NDArray[np.int64]:
        """Return the row of a table with GROUP for each group, int64[groups]; -1 for a group without one."""
        found = np.full(len(self), -1, np.int64)
        number, is_known = np.zeros(keys.num_rows, np.int64), np.ones(keys.num_rows, bool)
        texts = [pa.array(list(words), pa.string()) for words in (self.names, ROLES, self.windows)]
        for name, distinct in zip(GROUP, (*texts, pa.array(self.instants)), strict=True):
            places = pc.index_in(keys[name], distinct).fill_null(-1).to_numpy().astype(np.int64)
            number, is_known = number * len(distinct) + places, is_known & (places >= 0)
        found[number[is_known]] = np.flatnonzero(is_known)
        return found
