"""How hosts are grouped into network segments."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ndr.contract.jobspecs.model import SpecModel


class Segment(SpecModel):
    """Prefix lengths, in bits, of a segment: /24 for IPv4 and /64 for IPv6 by default."""

    ipv4_prefix_length: Annotated[int, Field(ge=0, le=32)] = 24
    ipv6_prefix_length: Annotated[int, Field(ge=0, le=128)] = 64
