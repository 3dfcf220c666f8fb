"""Networks: the segment that an address lies in, and which addresses lie in a list of networks.

A segment is the network of the first `ipv4_prefix_length` or `ipv6_prefix_length` bits of an address.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_network

import numpy as np
from numpy.typing import NDArray

from ndr.contract.errors import SchemaMismatchError
from ndr.contract.jobspecs.segment import Segment

_FAMILIES = {4: (socket.AF_INET, 32, IPv4Address), 6: (socket.AF_INET6, 128, IPv6Address)}


def segment_of(address: str, segment: Segment) -> str:
    """Return the segment of an address as canonical CIDR text, e.g. `10.0.1.0/24` or `2001:db8::/64`.

    Raises
    ------
    SchemaMismatchError
        `address` is neither IPv4 nor IPv6.
    """
    version, bits = _network_bits(address, segment)
    _, width, family = _FAMILIES[version]
    length = _prefix_length(version, segment)
    return f"{family(bits << (width - length))}/{length}"


def segments_of(addresses: Iterable[str], segment: Segment) -> list[str]:
    """Return the segment of each address, in order.

    Raises
    ------
    SchemaMismatchError
        One of them is neither IPv4 nor IPv6.
    """
    return [segment_of(address, segment) for address in addresses]


def segment_numbers(addresses: Sequence[str], segment: Segment) -> NDArray[np.int64]:
    """Return a number for each address (int64), the same for addresses of one segment, counted from 0 as they appear.

    Raises
    ------
    SchemaMismatchError
        One of them is neither IPv4 nor IPv6.
    """
    numbers: dict[tuple[int, int], int] = {}
    found = (numbers.setdefault(_network_bits(address, segment), len(numbers)) for address in addresses)
    return np.fromiter(found, np.int64, len(addresses))


def are_inside(addresses: Iterable[str], networks: Iterable[str]) -> list[bool]:
    """Tell for each address whether it lies in any of the networks (CIDR text).

    Raises
    ------
    SchemaMismatchError
        One of the addresses is neither IPv4 nor IPv6.
    """
    wanted = [(each.version, int(each.network_address), int(each.netmask)) for each in map(ip_network, networks)]
    numbers = (_number(address) for address in addresses)
    return [any(v == version and bits & mask == base for v, base, mask in wanted) for version, bits in numbers]


def _network_bits(address: str, segment: Segment) -> tuple[int, int]:
    """Return the IP version and the leading bits that a segment keeps."""
    version, number = _number(address)
    return version, number >> (_FAMILIES[version][1] - _prefix_length(version, segment))


def _prefix_length(version: int, segment: Segment) -> int:
    return segment.ipv4_prefix_length if version == 4 else segment.ipv6_prefix_length


def _number(address: str) -> tuple[int, int]:
    """Return the IP version and the address as a whole number."""
    version = 6 if ":" in address else 4
    try:
        # A zone (fe80::1%eth0) names an interface of the observer, not a part of the address.
        packed = socket.inet_pton(_FAMILIES[version][0], address.partition("%")[0])
    except (OSError, ValueError):
        raise SchemaMismatchError(
            f"Found {address!r} where an IPv4 or IPv6 address is expected: rebuild the partition that holds it."
        ) from None
    return version, int.from_bytes(packed)
