"""The sources of pairs as hosts that are machines: in pair counts, and in baselines."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from ndr.contract.networks import NetworkLists
from ndr.jobs.fg_c.pairs import SOURCE_ADDRESS
from ndr.jobs.host_identity.host_keys import HostKeys, key_of_machine
from ndr.jobs.host_identity.pair_hosts import keyed_pairs
from ndr.jobs.host_identity.renamed_hosts import renamed_hosts
from ndr.net.networks import is_internal


@dataclass(frozen=True)
class PairSources:
    """The keys of the sources of pairs in a time over which machines are known."""

    keys: HostKeys
    networks: NetworkLists

    def counts(self, counts: pa.Table) -> pa.Table:
        """Return pair counts with the keys of the sources, and SOURCE_ADDRESS."""
        return keyed_pairs(self.keys, counts.append_column(SOURCE_ADDRESS, counts["src_ip"]), "src_ip", self.networks)

    def baseline(self, pairs: pa.Table, metadata: pa.Table) -> pa.Table:
        """Return the pairs of a baseline with the keys of the sources, those of a machine once.

        Parameters
        ----------
        metadata : pa.Table
            host_ip and machine_name of the baseline's ip_metadata: a machine's pairs are under the addresses that it
            had at the end of the baseline.
        """
        addresses, names = metadata["host_ip"].to_pylist(), metadata["machine_name"].to_pylist()
        internal = is_internal(addresses, self.networks).tolist()
        key_of: dict[str, list[str]] = {}
        taken: set[str] = set()
        for address, name, is_host in zip(addresses, names, internal, strict=True):
            if name is not None and is_host:
                key = key_of_machine(name.lower(), address)
                key_of[address] = [] if key in taken else [key]
                taken.add(key)
        return renamed_hosts(pairs, lambda address: key_of.get(address, [address]), "src_ip")
