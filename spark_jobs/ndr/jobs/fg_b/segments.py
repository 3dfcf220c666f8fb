"""The segments that the rows of hosts are laid out by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ndr.contract.networks import NetworkLists
from ndr.net.networks import segment_ids

_HOSTS_A_GROUP: Final = 256


def segments_of(hosts: Sequence[str], networks: NetworkLists | None) -> list[str]:
    """Return the segment of each host. Keys of machines have none: theirs are groups of a fixed size."""
    if networks is not None:
        return segment_ids(hosts, networks).to_pylist()  # type: ignore[no-any-return]
    group = {host: f"{place // _HOSTS_A_GROUP:08d}" for place, host in enumerate(sorted(hosts))}
    return [group[host] for host in hosts]
