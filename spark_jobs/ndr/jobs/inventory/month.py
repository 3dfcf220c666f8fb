"""The month of an inventory snapshot, `YYYY-MM`."""

from __future__ import annotations

import re
from typing import Final

from ndr.contract.errors import InvalidRequestError
from ndr.contract.time import parse_instant

_MONTH: Final = re.compile(r"\d{4}-\d{2}")


def snapshot_month(text: str, name: str = "reference_month_iso") -> str:
    """Return the month, UTC, that a month, date or date-time lies in.

    Raises
    ------
    InvalidRequestError
        `text` is none of them.
    """
    stripped = text.strip()
    try:
        instant = parse_instant(f"{stripped}-01" if _MONTH.fullmatch(stripped) else stripped, name)
    except InvalidRequestError:
        raise InvalidRequestError(
            f"{name} is {text!r}, which names no month: write 2026-01, or a date or UTC time in that month such as "
            "2026-01-31 or 2026-01-31T06:15:00Z."
        ) from None
    return f"{instant:%Y}".rjust(4, "0") + f"-{instant:%m}"
