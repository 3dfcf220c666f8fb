"""Network segments: the CIDR block that a host's address lies in."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from ndr.contract.errors import SchemaMismatchError


def segment_of(address: str, ipv4_prefix: int = 24, ipv6_prefix: int = 64) -> str:
    """Return the segment of an address as canonical CIDR text, e.g. `10.0.1.0/24` or `2001:db8::/64`.

    Raises
    ------
    SchemaMismatchError
        `address` is neither IPv4 nor IPv6.
    """
    try:
        host = ip_address(address)
    except ValueError:
        raise SchemaMismatchError(
            f"Found {address!r} where an IPv4 or IPv6 address belongs: rebuild the partition that holds it."
        ) from None
    prefix = ipv4_prefix if host.version == 4 else ipv6_prefix
    # A zone (fe80::1%eth0) names an interface of the observer, not a part of the address.
    bare = str(host).partition("%")[0]
    return str(ip_network(f"{bare}/{prefix}", strict=False))


def segments_of(addresses: Iterable[str], ipv4_prefix: int = 24, ipv6_prefix: int = 64) -> list[str]:
    """Return the segment of each address, in order."""
    return [segment_of(address, ipv4_prefix, ipv6_prefix) for address in addresses]
