"""Lookups of many addresses at once: which are internal, excluded or high-risk, and which segment each lies in.

An address is looked up as its key of 17 bytes, the IP version and the address, in a table of the address ranges.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from ipaddress import IPv6Address, ip_network
from typing import Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ndr.contract.errors import SchemaMismatchError
from ndr.contract.networks import Named, NetworkLists

AddressKeys = NDArray[np.bytes_]
Addresses: TypeAlias = Sequence[str] | pa.Array | AddressKeys
"""Texts, or their keys where several lookups share them."""

_BYTES: Final = 17
_KEY: Final = np.dtype(f"S{_BYTES}")
_FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}
_WIDTHS: Final = {4: 32, 6: 128}


def address_keys(addresses: Addresses) -> AddressKeys:
    """Return the key of each address: equal for equal addresses, in the order of IP version and number.

    Raises
    ------
    SchemaMismatchError
        One of them is neither IPv4 nor IPv6.
    """
    if isinstance(addresses, np.ndarray):
        return addresses
    column = addresses if isinstance(addresses, pa.Array) else pa.array(addresses, pa.string())
    texts = column.to_pylist()
    keys = np.zeros((len(texts), _BYTES), np.uint8)
    is_v6 = pc.match_substring(column, ":").to_numpy(zero_copy_only=False)
    for version, rows in ((4, np.flatnonzero(~is_v6)), (6, np.flatnonzero(is_v6))):
        width = _WIDTHS[version] // 8
        packed = _packed(texts if len(rows) == len(texts) else [texts[row] for row in rows.tolist()], version)
        keys[rows, 0] = version
        keys[rows, _BYTES - width :] = np.frombuffer(packed, np.uint8).reshape(len(rows), width)
    return keys.view(_KEY).reshape(len(texts))


def is_internal(addresses: Addresses, networks: NetworkLists) -> NDArray[np.bool_]:
    """Tell for each address whether it is a host: in an internal network, and not excluded.

    Raises
    ------
    SchemaMismatchError
        One of them is neither IPv4 nor IPv6.
    """
    keys = address_keys(addresses)
    return _are_in(keys, networks.internal) & ~is_excluded(keys, networks)


def is_excluded(addresses: Addresses, networks: NetworkLists) -> NDArray[np.bool_]:
    """Tell for each address whether it is neither a host nor a peer.

    Raises
    ------
    SchemaMismatchError
        One of them is neither IPv4 nor IPv6.
    """
    return _are_in(address_keys(addresses), networks.all_excluded)


def is_high_risk(addresses: Addresses, networks: NetworkLists) -> NDArray[np.bool_]:
    """Tell for each address whether it lies in a high-risk network.

    Raises
    ------
    SchemaMismatchError
        One of them is neither IPv4 nor IPv6.
    """
    return _are_in(address_keys(addresses), networks.high_risk)


def are_within(addresses: Addresses, networks: Sequence[str]) -> NDArray[np.bool_]:
    """Tell for each address whether it lies in one of some networks in CIDR notation.

    Raises
    ------
    SchemaMismatchError
        One of them is neither IPv4 nor IPv6.
    """
    return _are_in(address_keys(addresses), {"": tuple(networks)})


def segment_ids(addresses: Addresses, networks: NetworkLists) -> pa.DictionaryArray:
    """Return the segment of each address: the name of the named segment with the longest prefix, otherwise a CIDR.

    Returns
    -------
    pa.DictionaryArray
        Codes (int32) of the segments that occur, which are in text order.

    Raises
    ------
    SchemaMismatchError
        One of them is neither IPv4 nor IPv6.
    """
    keys = address_keys(addresses)
    number = _lookup(_ranges(networks.segments), keys)
    unnamed = np.flatnonzero(number < 0)
    blocks = _as_arrow(_leading_bits(keys[unnamed], networks)).dictionary_encode()
    number[unnamed] = len(networks.segments) + blocks.indices.to_numpy()
    texts = pa.concat_arrays([pa.array(networks.segments, pa.string()), _cidr_texts(blocks.dictionary, networks)])
    occurs = np.bincount(number, minlength=len(texts)) > 0
    order = pc.sort_indices(texts).to_numpy()
    order = order[occurs[order]]
    rank = np.zeros(len(texts), np.int32)
    rank[order] = np.arange(len(order))
    return pa.DictionaryArray.from_arrays(pa.array(rank[number], pa.int32()), texts.take(pa.array(order)))


@dataclass(frozen=True)
class _Ranges:
    """Ranges of keys: range i holds the keys from `starts[i]` on, and has the number `values[i]`; -1 is none."""

    starts: AddressKeys
    values: NDArray[np.int64]


def _are_in(keys: AddressKeys, named: Named) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = _lookup(_ranges(named), keys) >= 0
    return inside


def _ranges(named: Named) -> _Ranges:
    return _cached_ranges(tuple(named.values()))


@lru_cache(maxsize=64)
def _cached_ranges(lists: tuple[tuple[str, ...], ...]) -> _Ranges:
    """Return the ranges of lists of networks, valued by the list that has the longest prefix."""
    parsed = sorted(
        ((ip_network(text), number) for number, networks in enumerate(lists) for text in networks),
        key=lambda found: found[0].prefixlen,
    )
    spans = []
    for network, number in parsed:
        first = (network.version << 128) + int(network.network_address)
        spans.append((first, first + network.num_addresses, number))
    starts = sorted({0, *(bound for first, end, _ in spans for bound in (first, end))})
    place = {bound: index for index, bound in enumerate(starts)}
    values = np.full(len(starts), -1)
    for first, end, number in spans:  # the longest prefix last
        values[place[first] : place[end]] = number
    return _Ranges(np.array([start.to_bytes(_BYTES) for start in starts], _KEY), values)


def _lookup(ranges: _Ranges, keys: AddressKeys) -> NDArray[np.int64]:
    found: NDArray[np.int64] = ranges.values[np.searchsorted(ranges.starts, keys, side="right") - 1]
    return found


def _prefix_lengths(networks: NetworkLists) -> dict[int, int]:
    return {4: networks.ipv4_segment_prefix_length, 6: networks.ipv6_segment_prefix_length}


def _leading_bits(keys: AddressKeys, networks: NetworkLists) -> AddressKeys:
    """Return the keys with the bits behind the segment's prefix set to zero."""
    content = keys.view(np.uint8).reshape(len(keys), _BYTES).copy()
    for version, length in _prefix_lengths(networks).items():
        behind = _WIDTHS[version] - length
        mask = np.frombuffer((((1 << 8 * _BYTES) - 1) >> behind << behind).to_bytes(_BYTES), np.uint8)
        content[content[:, 0] == version] &= mask
    return content.view(_KEY).reshape(len(keys))


def _as_arrow(keys: AddressKeys) -> pa.Array:
    return pa.Array.from_buffers(pa.binary(_BYTES), len(keys), [None, pa.py_buffer(np.ascontiguousarray(keys))])


def _cidr_texts(blocks: pa.Array, networks: NetworkLists) -> pa.Array:
    content = np.frombuffer(b"".join(blocks.to_pylist()), np.uint8).reshape(len(blocks), _BYTES)
    is_v6 = content[:, 0] == 6
    lengths, found = _prefix_lengths(networks), np.empty(len(blocks), np.int64)
    texts: list[pa.Array] = []
    for version, rows, named in ((4, ~is_v6, _ipv4_texts), (6, is_v6, _ipv6_texts)):
        found[rows] = sum(len(each) for each in texts) + np.arange(rows.sum())
        addresses = named(content[rows, _BYTES - _WIDTHS[version] // 8 :])
        texts.append(pc.binary_join_element_wise(addresses, str(lengths[version]), "/"))
    return pa.concat_arrays(texts).take(pa.array(found))


def _ipv4_texts(octets: NDArray[np.uint8]) -> pa.Array:
    decimal = pa.array(map(str, range(256)), pa.string())
    return pc.binary_join_element_wise(*(decimal.take(pa.array(octets[:, place])) for place in range(4)), ".")


def _ipv6_texts(octets: NDArray[np.uint8]) -> pa.Array:
    texts = (socket.inet_ntop(socket.AF_INET6, bytes(row)) for row in octets)
    # Of an IPv6 address, RFC 5952 has no dotted part here.
    return pa.array([str(IPv6Address(text)) if "." in text else text for text in texts], pa.string())


def _packed(texts: list[str], version: int) -> bytes:
    # A zone (fe80::1%eth0) names an interface of the observer, not a part of the address.
    plain = [text.partition("%")[0] for text in texts] if version == 6 else texts
    parse = partial(socket.inet_pton, _FAMILIES[version])
    try:
        return b"".join(map(parse, plain))
    except (OSError, ValueError):
        wrong = next(text for text, each in zip(texts, plain, strict=True) if not _parses(parse, each))
    raise SchemaMismatchError(
        f"Found {wrong!r} where an IPv4 or IPv6 address is expected: rebuild the partition that holds it."
    )


def _parses(parse: partial[bytes], text: str) -> bool:
    try:
        parse(text)
    except (OSError, ValueError):
        return False
    return True
