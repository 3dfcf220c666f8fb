"""A time zone by its IANA name."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{name!r} is not an IANA time zone; write one such as Europe/Berlin or UTC") from None
    return name


TimeZone = Annotated[str, AfterValidator(_time_zone)]
"""An IANA time zone, as `Europe/Berlin`."""
