"""The layout of logs below their prefix, and how late a file of it can arrive."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field

from ndr.contract.layout import MINI_BATCH, pattern_problem
from ndr.contract.time import DAY

DELIVERY_DELAY: Final = timedelta(minutes=15)


def _layout(text: str) -> str:
    if text != MINI_BATCH and (problem := pattern_problem(text)):
        raise ValueError(problem)
    return text


def _duration_text(given: Any) -> Any:
    if not isinstance(given, str | timedelta):
        raise ValueError(f"{given!r} is not an ISO 8601 duration; write one such as PT15M or PT2H")
    return given


Layout = Annotated[str, Field(min_length=1, max_length=512), AfterValidator(_layout)]
"""`mini_batch`, or a time pattern of the folders below a prefix."""

DeliveryDelay = Annotated[timedelta, Field(ge=timedelta(0), le=DAY), BeforeValidator(_duration_text)]
"""An ISO 8601 duration of at most a day, as `PT15M`."""
