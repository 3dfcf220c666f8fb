"""How much of a baseline's horizon is published, in the words that the planner, the job and the ledger share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from ndr.contract.horizons import HORIZONS
from ndr.contract.time import Interval, format_instant

RANGES_NAMED: Final = 3


def short_sentence(
    horizon: str, end: datetime, coverage: float, wanted: float, missing: Sequence[Interval] = ()
) -> str:
    """Say that a horizon has too little history: what is there, what is asked for, what is missing, how to fill it."""
    days = HORIZONS[horizon].days
    found = (
        f"{horizon} ending {format_instant(end)}: {coverage * days:.1f} of {days} days are published ({coverage:.0%}), "
        f"min_coverage asks for {wanted:.0%}"
    )
    return f"{found}; {missing_sentence(missing)}" if missing else found


def missing_sentence(missing: Sequence[Interval]) -> str:
    """Name missing ranges and the request that fills the first, to be pasted."""
    ranges = ", ".join(map(str, missing[:RANGES_NAMED])) + (", ..." if missing[RANGES_NAMED:] else "")
    return f"missing are {ranges}; fill with the mini_batch machine: {json.dumps(fill_request(missing[0]))}"


def fill_request(missing: Interval) -> dict[str, str]:
    """Return the request to the `mini_batch` machine that builds a range."""
    return {"batch_start": format_instant(missing.start), "batch_end": format_instant(missing.end)}
