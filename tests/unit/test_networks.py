"""Segments and membership of networks, against the standard library."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndr.contract.errors import SchemaMismatchError
from ndr.contract.jobspecs.segment import Segment
from ndr.net.addresses import canonical_address
from ndr.net.networks import are_inside, segment_numbers, segment_of, segments_of

ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))
SEGMENTS = st.builds(Segment, ipv4_prefix_length=st.integers(0, 32), ipv6_prefix_length=st.integers(0, 128))


def _expected(address: IPv4Address | IPv6Address, segment: Segment) -> str:
    length = segment.ipv4_prefix_length if address.version == 4 else segment.ipv6_prefix_length
    return str(ip_network((address, length), strict=False))


@given(ADDRESSES, SEGMENTS)
def test_a_segment_is_the_network_of_the_leading_bits(address: IPv4Address | IPv6Address, segment: Segment) -> None:
    assert segment_of(str(address), segment) == _expected(address, segment)


@given(st.lists(ADDRESSES, max_size=20), SEGMENTS)
def test_numbers_tell_segments_apart_exactly_as_their_texts_do(
    addresses: list[IPv4Address | IPv6Address], segment: Segment
) -> None:
    texts = [str(address) for address in addresses]
    first_seen = list(dict.fromkeys(segments_of(texts, segment)))
    assert segment_numbers(texts, segment).tolist() == [first_seen.index(name) for name in segments_of(texts, segment)]


@given(st.lists(ADDRESSES, max_size=8), st.lists(st.tuples(ADDRESSES, st.integers(0, 32)), max_size=4))
def test_an_address_is_inside_when_any_network_holds_it(
    addresses: list[IPv4Address | IPv6Address], blocks: list[tuple[IPv4Address | IPv6Address, int]]
) -> None:
    networks = [ip_network((base, length), strict=False) for base, length in blocks]
    found = are_inside([str(address) for address in addresses], [str(network) for network in networks])
    assert found == [any(address in network for network in networks) for address in addresses]


@pytest.mark.parametrize("text", ["10.0.0", "10.0.0.256", "router", "", "2001:db8::g", "10.0.0.1\0"])
def test_what_is_not_an_address_is_named(text: str) -> None:
    with pytest.raises(SchemaMismatchError, match="where an IPv4 or IPv6 address is expected"):
        segment_of(text, Segment())


def test_a_zone_is_not_part_of_the_address() -> None:
    assert segment_of("fe80::1%eth0", Segment()) == "fe80::/64"
    assert canonical_address("fe80::1%eth0") == "fe80::1"


@given(ADDRESSES)
def test_every_canonical_address_has_a_segment(address: IPv4Address | IPv6Address) -> None:
    text = canonical_address(str(address))
    assert text is not None
    assert ip_address(text) in ip_network(segment_of(text, Segment()))


def test_every_source_writes_an_address_alike() -> None:
    import pyarrow as pa

    from ndr.sources.values.addresses import to_addresses

    column = pa.array(["::ffff:192.0.2.1", "2001:DB8::0", "fe80::1%eth0", "192.0.2.01"])
    found = to_addresses(column)
    assert found.values.to_pylist() == ["192.0.2.1", "2001:db8::", "fe80::1", None]
    assert found.failed.tolist() == [3]
