"""Networks in CIDR notation, as JobSpecs have them: an error says what to write instead."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_network
from typing import Annotated, Final

from pydantic import AfterValidator

_WIDTH: Final = {4: 32, 6: 128}
_MAPPED_BITS: Final = 96  # ::ffff:0:0/96 holds the IPv4-mapped addresses (RFC 4291, 2.5.5.2)
_EXAMPLE: Final = "write a network such as 10.0.0.0/8 or fd00::/8"


def canonical_network(text: str) -> str:
    """Return a network in its canonical text.

    Raises
    ------
    ValueError
        The text is not an address and a prefix length, has bits set behind the prefix, or is an IPv4-mapped network.
    """
    address, slash, length = text.strip().partition("/")
    number = _address(address)
    if number is None:
        raise ValueError(f"{address!r} is not an IPv4 or IPv6 address; {_EXAMPLE}")
    width = _WIDTH[number.version]
    if not slash:
        raise ValueError(f"the prefix length is missing; write {number}/{width} for the one address, or its network")
    if not (length.isascii() and length.isdecimal() and int(length) <= width):
        raise ValueError(f"the prefix length {length!r} is not a whole number from 0 to {width}; {_EXAMPLE}")
    if isinstance(number, IPv6Address) and number.ipv4_mapped and int(length) >= _MAPPED_BITS:
        plain = ip_network((number.ipv4_mapped, int(length) - _MAPPED_BITS), strict=False)
        raise ValueError(f"it is an IPv4-mapped network, and such addresses are read as IPv4; write {plain}")
    network = ip_network((number, int(length)), strict=False)
    if network.network_address != number:
        raise ValueError(f"bits behind the prefix are set; write {network}, or {number}/{width} for the one address")
    return str(network)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    if "%" in text:  # a zone means something on one machine only
        return None
    try:
        return IPv6Address(text) if ":" in text else IPv4Address(text)
    except AddressValueError:
        return None


Cidr = Annotated[str, AfterValidator(canonical_network)]
