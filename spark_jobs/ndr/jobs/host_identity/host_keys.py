"""Keys of hosts where hosts are machines.

A key is `@`, 4 or 6, and a machine, or the address of a host of which no machine is known. What a machine does over
IPv4 and over IPv6 are different hosts, as its addresses are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ndr.contract.networks import NetworkLists
from ndr.contract.time import SLICE_MICROSECONDS
from ndr.jobs.host_identity.assignments import SEVERAL, AddressAssignments, Ints
from ndr.jobs.host_identity.renamed_hosts import coded_texts
from ndr.net.addresses import ip_version
from ndr.net.networks import is_internal

MARK: Final = "@"
_VERSIONS: Final = (4, 6)


def is_machine(key: str) -> bool:
    """Tell whether the key of a host is that of a machine."""
    return key.startswith(MARK)


def machine_of(key: str) -> str:
    """Return the machine of a key."""
    return key.removeprefix(MARK)[1:]


def key_of_machine(machine: str, address: str) -> str:
    """Return the key of a machine that has an address."""
    return f"{MARK}{ip_version(address)}{machine}"


def are_internal(hosts: pa.Array, networks: NetworkLists) -> NDArray[np.bool_]:
    """Tell for each host, an address or a key, whether it is internal, as all with the key of a machine are."""
    are_machines: NDArray[np.bool_] = pc.starts_with(hosts, MARK).to_numpy(zero_copy_only=False)
    if not are_machines.any():
        return is_internal(hosts, networks)
    found = are_machines.copy()
    found[~are_machines] = is_internal(hosts.filter(pa.array(~are_machines)), networks)
    return found


@dataclass(frozen=True, eq=False)
class HostKeys:
    """The keys of the hosts that had addresses in a time over which `assignments` are known."""

    assignments: AddressAssignments

    @cached_property
    def texts(self) -> list[str]:
        """The keys of each machine over IPv4 and over IPv6, one after the other."""
        return [f"{MARK}{version}{machine}" for machine in self.assignments.machines for version in _VERSIONS]

    @cached_property
    def of_assignment(self) -> Ints:
        """The place of each assignment's key among `texts`; behind them one for a look-up without an assignment."""
        versions = np.array([_VERSIONS.index(ip_version(text)) for text in self.assignments.addresses], np.int64)
        of = self.assignments.machine * len(_VERSIONS) + versions[self.assignments.address]
        return np.append(of, 0)

    @cached_property
    def with_several_addresses(self) -> pa.Array:
        """The keys of the machines that had more than one address at a time."""
        found, of = self.assignments, self.of_assignment[:-1]
        order = np.lexsort((found.starts, of))
        # Where any two times of a machine overlap, two do that follow each other by their start.
        overlap = (of[order[1:]] == of[order[:-1]]) & (found.starts[order[1:]] < found.ends[order[:-1]])
        return pa.array([self.texts[place] for place in np.unique(of[order[1:]][overlap]).tolist()], pa.string())

    def in_slices(
        self, addresses: pa.ChunkedArray, slice_starts: pa.ChunkedArray, networks: NetworkLists
    ) -> pa.DictionaryArray:
        """Return the key of the host that had each address in a slice.

        That is the only machine that had the address in the slice or in a part of it, because one that gets an address
        begins with the flows that tell it apart. It is the address itself where no machine had it, or where it is not
        internal, and null where several machines had it.

        Parameters
        ----------
        addresses, slice_starts : ChunkedArray
            Texts, plain or as codes, and instants.
        """
        coded = coded_texts(addresses)
        codes = coded.indices.to_numpy()
        starts = slice_starts.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()
        places = self._places(coded.dictionary, networks)[codes] if len(codes) else codes
        found = self.assignments.only_holders(places, starts, starts + SLICE_MICROSECONDS)
        numbers = np.where(found >= 0, len(coded.dictionary) + self.of_assignment[found], codes)
        used, number = np.unique(numbers, return_inverse=True)
        dictionary = pa.concat_arrays([coded.dictionary, pa.array(self.texts, pa.string())]).take(pa.array(used))
        indices = pa.array(number.astype(np.int32), mask=found == SEVERAL)
        return pa.DictionaryArray.from_arrays(indices, dictionary)

    def _places(self, addresses: pa.Array, networks: NetworkLists) -> Ints:
        """Return the places of internal addresses among those of the assignments; -1 of the others."""
        return np.where(is_internal(addresses, networks), self.assignments.places(addresses), -1)
