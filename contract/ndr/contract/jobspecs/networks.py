"""JobSpec of the networks: which addresses are hosts, which are not looked at, and how hosts form segments.

All jobs of a project and version share it. It is applied when published deltas are read, so a change needs no new
ingest.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any, Final

from pydantic import Field, model_validator

from ndr.contract.jobspecs.cidr import Cidr
from ndr.contract.jobspecs.model import SpecModel
from ndr.contract.networks import (
    EXCLUDED,
    INTERNAL,
    IPV4_SEGMENT_PREFIX_LENGTH,
    IPV6_SEGMENT_PREFIX_LENGTH,
)

MOVED: Final = {
    ("fg_a_builder", "monitored_networks"): '"internal": {"<name>": [<the networks>]}',
    ("fg_a_builder", "segment"): '"ipv4_segment_prefix_length" and "ipv6_segment_prefix_length"',
    ("fg_b_builder", "segment"): '"ipv4_segment_prefix_length" and "ipv6_segment_prefix_length"',
}
"""Fields of other JobSpecs that are fields of this one now, and what to write here: by job and field."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_. -]{0,62}$")]
NamedNetworks = dict[Name, tuple[Cidr, ...]]

NAMED: Final = ("internal", "excluded", "high_risk", "segments")
"""The fields with named networks."""


class Networks(SpecModel):
    """Spec of `networks`: named lists of networks (CIDR).

    Attributes
    ----------
    internal : dict of str to tuple of str
        Hosts have features and baselines, other addresses are peers only. The private networks by default.
    excluded : dict of str to tuple of str
        Neither hosts nor peers, even inside an internal network. The names that are not given keep their default; an
        empty list includes the addresses of a default name again.
    high_risk : dict of str to tuple of str
        Networks whose sessions are counted apart, such as those of domain controllers.
    segments : dict of str to tuple of str
        A host belongs to the segment with the longest prefix that holds it.
    ipv4_segment_prefix_length, ipv6_segment_prefix_length : int
        Bits of the segment of an address that no named segment holds; its CIDR is its name.
    """

    internal: Annotated[NamedNetworks, Field(min_length=1)] = Field(default_factory=INTERNAL.copy)
    excluded: NamedNetworks = Field(default_factory=dict)
    high_risk: NamedNetworks = Field(default_factory=dict)
    segments: NamedNetworks = Field(default_factory=dict)
    ipv4_segment_prefix_length: Annotated[int, Field(ge=0, le=32)] = IPV4_SEGMENT_PREFIX_LENGTH
    ipv6_segment_prefix_length: Annotated[int, Field(ge=0, le=128)] = IPV6_SEGMENT_PREFIX_LENGTH

    @property
    def all_excluded(self) -> NamedNetworks:
        """`excluded` with the defaults of the names that it does not give."""
        return {**EXCLUDED, **self.excluded}

    @property
    def in_use(self) -> dict[str, Any]:
        """All fields with their defaults, for a log."""
        return self.model_dump(mode="json") | {"excluded": self.all_excluded}

    @property
    def digest(self) -> str:
        """What tells these networks from others in a manifest: the same for the same networks in use."""
        return hashlib.sha256(json.dumps(self.in_use, sort_keys=True).encode()).hexdigest()[:16]

    @model_validator(mode="after")
    def _consistent(self) -> Networks:
        problems = [
            *_without_networks(self.internal),
            *(problem for key in NAMED for problem in _given_twice(key, getattr(self, key))),
            *_excluded_whole(self.internal, self.all_excluded),
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self


def _without_networks(internal: NamedNetworks) -> list[str]:
    if any(internal.values()):
        return []
    return ["internal names no network, so there would be no host; write one such as 10.0.0.0/8, or leave internal out"]


def _given_twice(key: str, named: NamedNetworks) -> Iterator[str]:
    counts = Counter(network for networks in named.values() for network in networks)
    for network in (network for network, count in counts.items() if count > 1):
        names = [name for name, networks in named.items() if network in networks]
        yield f"{network} is given twice in {key} (under {' and '.join(names)}); give it once"


def _excluded_whole(internal: NamedNetworks, excluded: NamedNetworks) -> Iterator[str]:
    """Tell of internal networks without a host. A smaller excluded network inside an internal one is meant so."""
    for name, network in _parsed(internal):
        for other, outer in _parsed(excluded):
            if _is_inside(network, outer):
                yield (
                    f"internal.{name} has {network}, which lies in {outer} of excluded.{other}, so it would have no "
                    f'host; take it out of internal, or write "{other}": [] in excluded'
                )


def _parsed(named: Mapping[str, tuple[str, ...]]) -> list[tuple[str, IPv4Network | IPv6Network]]:
    return [(name, ip_network(network)) for name, networks in named.items() for network in networks]


def _is_inside(network: IPv4Network | IPv6Network, outer: IPv4Network | IPv6Network) -> bool:
    return network.version == outer.version and network.subnet_of(outer)  # type: ignore[arg-type]
