"""Lookups of addresses and networks, against the standard library."""

from __future__ import annotations

import time
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndr.contract.errors import SchemaMismatchError
from ndr.contract.jobspecs.networks import Networks
from ndr.contract.networks import EXCLUDED
from ndr.net.addresses import canonical_address
from ndr.net.networks import address_keys, is_excluded, is_high_risk, is_internal, segment_ids

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Half of the addresses are close together, so that networks of any length hold some and leave some out.
NEAR = st.builds(
    lambda base, offset: base + offset,
    st.sampled_from([ip_address("10.0.0.0"), ip_address("2001:db8::"), ip_address("::"), ip_address("224.0.0.0")]),
    st.one_of(st.integers(0, 300), st.integers(0, 2**24)),
)
ADDRESSES = st.one_of(NEAR, st.ip_addresses(v=4), st.ip_addresses(v=6))


def _network(address: Address, length: int) -> Network:
    return ip_network((address, min(length, address.max_prefixlen)), strict=False)


NETWORKS = st.builds(_network, ADDRESSES, st.integers(0, 128))
LISTS = st.lists(st.lists(NETWORKS, max_size=4, unique=True), max_size=3)


def _named(lists: list[list[Network]]) -> dict[str, tuple[str, ...]]:
    return {f"n{number}": tuple(map(str, networks)) for number, networks in enumerate(lists)}


def _is_in(address: Address, lists: list[list[Network]]) -> bool:
    return any(address in network for networks in lists for network in networks)


def _plain(**fields: object) -> Networks:
    """Make networks without the checks: which networks make sense together is not the lookups' concern."""
    return Networks.model_construct(**{**Networks().__dict__, **fields})


@given(st.lists(ADDRESSES, max_size=12), LISTS, LISTS, LISTS)
def test_an_address_is_in_a_list_when_any_network_holds_it(
    addresses: list[Address], internal: list[list[Network]], excluded: list[list[Network]], risky: list[list[Network]]
) -> None:
    none = dict.fromkeys(EXCLUDED, ())
    networks = _plain(internal=_named(internal), excluded=none | _named(excluded), high_risk=_named(risky))
    texts = [str(address) for address in addresses]
    assert is_excluded(texts, networks).tolist() == [_is_in(each, excluded) for each in addresses]
    assert is_high_risk(texts, networks).tolist() == [_is_in(each, risky) for each in addresses]
    assert is_internal(texts, networks).tolist() == [
        _is_in(each, internal) and not _is_in(each, excluded) for each in addresses
    ]


@given(st.lists(ADDRESSES, max_size=12), LISTS, st.integers(0, 32), st.integers(0, 128))
def test_a_segment_is_the_longest_named_prefix_or_the_leading_bits(
    addresses: list[Address], lists: list[list[Network]], ipv4: int, ipv6: int
) -> None:
    seen = [{net for earlier in lists[:at] for net in earlier} for at in range(len(lists))]
    unique = [[net for net in nets if net not in before] for nets, before in zip(lists, seen, strict=True)]
    networks = _plain(segments=_named(unique), ipv4_segment_prefix_length=ipv4, ipv6_segment_prefix_length=ipv6)

    def expected(address: Address) -> str:
        holding = [(net.prefixlen, name) for name, nets in _named(unique).items() for net in map(ip_network, nets)
                   if address in net]  # fmt: skip
        return max(holding)[1] if holding else str(_network(address, ipv4 if address.version == 4 else ipv6))

    found = segment_ids([str(address) for address in addresses], networks)
    assert found.to_pylist() == [expected(address) for address in addresses]
    assert found.dictionary.to_pylist() == sorted(set(found.to_pylist()))


@given(st.lists(ADDRESSES, max_size=12))
def test_keys_are_in_the_order_of_version_and_number(addresses: list[Address]) -> None:
    order = np.argsort(address_keys([str(address) for address in addresses]), kind="stable")
    assert order.tolist() == sorted(range(len(addresses)), key=lambda at: (addresses[at].version, int(addresses[at])))


def test_texts_arrays_and_keys_are_looked_up_alike() -> None:
    texts = ["10.0.0.1", "192.0.2.1", "fd00::1", "2001:db8::1", "239.255.255.250", "255.255.255.255"]
    networks = Networks()
    for addresses in (texts, pa.array(texts), address_keys(texts)):
        assert is_internal(addresses, networks).tolist() == [True, False, True, False, False, False]
        assert is_excluded(addresses, networks).tolist() == [False] * 4 + [True] * 2
    assert is_internal([], networks).tolist() == []
    assert segment_ids([], networks).to_pylist() == []


@pytest.mark.parametrize("text", ["10.0.0", "10.0.0.256", "router", "", "2001:db8::g", "10.0.0.1\0", "10.0.0.1%eth0"])
def test_what_is_not_an_address_is_named(text: str) -> None:
    with pytest.raises(SchemaMismatchError, match="where an IPv4 or IPv6 address is expected") as caught:
        segment_ids(["10.0.0.1", text], Networks())
    assert repr(text) in str(caught.value)


def test_a_zone_is_not_part_of_the_address() -> None:
    assert segment_ids(["fe80::1%eth0"], Networks()).to_pylist() == ["fe80::/64"]
    assert canonical_address("fe80::1%eth0") == "fe80::1"


def test_a_hundred_thousand_addresses_take_less_than_a_second() -> None:
    numbers = np.random.default_rng(1).integers(0, 2**32, 100_000).tolist()
    texts = pa.array([str(IPv4Address(number)) for number in numbers[20_000:]])
    texts = pa.concat_arrays([texts, pa.array([str(IPv6Address(number << 64)) for number in numbers[:20_000]])])
    networks = Networks(segments={f"site{number}": (f"10.{number}.0.0/16",) for number in range(256)})
    began = time.process_time()
    keys = address_keys(texts)
    assert is_internal(keys, networks).sum() > 0
    assert len(segment_ids(keys, networks).dictionary) > 90_000
    assert time.process_time() - began < 1


@given(ADDRESSES)
def test_every_canonical_address_has_a_segment(address: Address) -> None:
    text = canonical_address(str(address))
    assert text is not None
    (segment,) = segment_ids([text], Networks()).to_pylist()
    assert ip_address(text) in ip_network(segment)


def test_every_source_writes_an_address_alike() -> None:
    from ndr.sources.values.addresses import to_addresses

    column = pa.array(["::ffff:192.0.2.1", "2001:DB8::0", "fe80::1%eth0", "192.0.2.01"])
    found = to_addresses(column)
    assert found.values.to_pylist() == ["192.0.2.1", "2001:db8::", "fe80::1", None]
    assert found.failed.tolist() == [3]
