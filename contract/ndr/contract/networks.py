"""Networks as lookups read them: the defaults, and what the JobSpec `networks` gives.

Without pydantic, so that a kernel that takes no other model starts without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

Named = Mapping[str, tuple[str, ...]]
"""Lists of networks (CIDR, canonical text) by name."""

INTERNAL: Final[dict[str, tuple[str, ...]]] = {"private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")}
"""The private networks of RFC 1918 and RFC 4193."""

EXCLUDED: Final[dict[str, tuple[str, ...]]] = {
    "loopback": ("127.0.0.0/8", "::1/128"),
    "link_local": ("169.254.0.0/16", "fe80::/10"),
    "multicast": ("224.0.0.0/4", "ff00::/8"),
    "broadcast": ("255.255.255.255/32",),
    "unspecified": ("0.0.0.0/32", "::/128"),
}
"""Addresses that are not those of one machine (RFC 6890)."""

IPV4_SEGMENT_PREFIX_LENGTH: Final = 24
IPV6_SEGMENT_PREFIX_LENGTH: Final = 64


class NetworkLists(Protocol):
    """What lookups read: the JobSpec `networks`, or `DefaultNetworks`."""

    @property
    def internal(self) -> Named: ...
    @property
    def all_excluded(self) -> Named: ...
    @property
    def high_risk(self) -> Named: ...
    @property
    def segments(self) -> Named: ...
    @property
    def ipv4_segment_prefix_length(self) -> int: ...
    @property
    def ipv6_segment_prefix_length(self) -> int: ...


@dataclass(frozen=True)
class DefaultNetworks:
    """The networks of a project without the JobSpec `networks`."""

    internal: Named = field(default_factory=INTERNAL.copy)
    all_excluded: Named = field(default_factory=EXCLUDED.copy)
    high_risk: Named = field(default_factory=dict)
    segments: Named = field(default_factory=dict)
    ipv4_segment_prefix_length: int = IPV4_SEGMENT_PREFIX_LENGTH
    ipv6_segment_prefix_length: int = IPV6_SEGMENT_PREFIX_LENGTH
