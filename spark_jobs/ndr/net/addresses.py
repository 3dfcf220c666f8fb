"""IP addresses in their canonical text."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address


def ip_version(address: str) -> int:
    """Return the version of an address in its canonical text: 4 or 6."""
    return 6 if ":" in address else 4


# The blocks of a file hold much the same addresses, and parsing one takes longer than a lookup.
@lru_cache(maxsize=1 << 16)
def canonical_address(text: str) -> str | None:
    """Return an address in its canonical text, or None when the text is not an address.

    IPv4 is dotted decimal without leading zeros, IPv6 as RFC 5952 writes it. An IPv4-mapped IPv6 address
    (`::ffff:192.0.2.1`, what a dual-stack socket logs) is that IPv4 address. A zone (`fe80::1%eth0`) means something
    on one machine only and is dropped.
    """
    try:
        if ":" not in text:
            return str(IPv4Address(text.strip()))
        address = IPv6Address(text.strip().partition("%")[0])
    except AddressValueError:
        return None
    return str(address.ipv4_mapped or address)
