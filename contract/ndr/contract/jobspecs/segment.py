"""How hosts are grouped into network segments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from annotated_types import Interval


# A dataclass, whose bounds pydantic checks in a JobSpec: a kernel, which has no other model, starts without pydantic.
@dataclass(frozen=True)
class Segment:
    """Prefix lengths, in bits, of a segment: /24 for IPv4 and /64 for IPv6 by default."""

    ipv4_prefix_length: Annotated[int, Interval(ge=0, le=32)] = 24
    ipv6_prefix_length: Annotated[int, Interval(ge=0, le=128)] = 64

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}
