"""Instants as people give them."""

from __future__ import annotations

from datetime import UTC, date, datetime

from ndr.contract.errors import InvalidRequestError
from ndr.contract.time import parse_instant

Instant = str | date | datetime


def instant_of(given: Instant, name: str) -> datetime:
    """Return an instant in UTC.

    Raises
    ------
    InvalidRequestError
        It names no zone, or is not a time.
    """
    if isinstance(given, datetime):
        if given.tzinfo is None:
            raise InvalidRequestError(
                f"{name} is {given.isoformat()}, which names no time zone: give it one, as tzinfo=datetime.UTC."
            )
        return given.astimezone(UTC)
    if isinstance(given, date):
        return datetime(given.year, given.month, given.day, tzinfo=UTC)
    return parse_instant(given, name)


def optional_instant(given: Instant | None, name: str) -> datetime | None:
    """Return an instant in UTC, or None where none is given."""
    return None if given is None else instant_of(given, name)
