"""The internal networks that logs show beside those of the JobSpec."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Final

from ndr.contract.jobspecs.networks import NamedNetworks, Networks
from ndr.net.networks import address_keys, is_excluded, is_internal, segment_ids

SHOWN: Final = "shown_by_zeek"
"""The name, in the JobSpec, of the networks that Zeek calls local."""


def networks_beside(local_addresses: Iterable[str], networks: Networks) -> tuple[str, ...]:
    """Return the networks of the local addresses that `networks` has neither as internal nor as excluded.

    They are blocks of /24 and /64, and larger ones where neighbours are together one block, in order.
    """
    addresses = sorted(local_addresses)
    keys = address_keys(addresses)
    unknown = keys[~is_internal(keys, networks) & ~is_excluded(keys, networks)]
    blocks = [ip_network(text) for text in segment_ids(unknown, Networks()).dictionary.to_pylist()]
    ipv4 = [block for block in blocks if isinstance(block, IPv4Network)]
    ipv6 = [block for block in blocks if isinstance(block, IPv6Network)]
    return tuple(str(block) for family in (ipv4, ipv6) for block in collapse_addresses(family))  # type: ignore[type-var]


def internal_with(networks: Networks, shown: tuple[str, ...]) -> NamedNetworks:
    """Return the `internal` of the JobSpec with the shown networks."""
    return {**networks.internal, SHOWN: (*networks.internal.get(SHOWN, ()), *shown)} if shown else networks.internal
