"""The findings that the command line lists and exports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ndr.contract.errors import InsufficientHistoryError, InvalidRequestError
from ndr.contract.jobspecs import JobSpec
from ndr.contract.time import DAY, Interval, format_instant, parse_instant
from ndr.contract.wording import listed
from ndr.findings import Findings, FindingsPlace
from ndr.findings.days import findings_since
from ndr.findings.formats import FORMATS, Format, lines_of
from ndr.findings.newest import newest_end
from ndr.findings.states import activity_of
from ndr.store.storage import put_bytes


def found_findings(jobspecs: Mapping[str, JobSpec[Any]], since: str) -> tuple[Interval, list[Findings]]:
    """Return the findings from an instant to the newest scores, and that time; a UTC day each, the newest first.

    Parameters
    ----------
    since : str
        ISO 8601; empty for 24 hours before the newest scores.

    Raises
    ------
    InvalidRequestError
        `since` is not a time, or not before the newest scores.
    InsufficientHistoryError
        There are no scores.
    """
    start = parse_instant(since, "--since") if since else None
    place = FindingsPlace.of(jobspecs)
    end = newest_end(place.fg_c)
    if end is None:
        raise InsufficientHistoryError(f"No score is published below {place.fg_c}; run `ndr run mini-batch` first.")
    if start and start >= end:
        raise InvalidRequestError(
            f"--since is {format_instant(start)}, and the newest scores end at {format_instant(end)}; "
            "give an earlier time."
        )
    time = Interval(start or end - DAY, end)
    return time, list(findings_since(place, time, datetime.now(UTC)))


def format_of(name: str) -> Format:
    """Return the format of a name.

    Raises
    ------
    InvalidRequestError
    """
    if name not in FORMATS:
        raise InvalidRequestError(f"The format is {name!r}: write {listed(FORMATS)}.")
    return FORMATS[name]


def lines_of_findings(form: Format, days: Sequence[Findings]) -> bytes:
    """Return findings as JSON lines, those of the newest day first."""
    document = form.document
    return lines_of(document(each, activity_of(each), each.modified) for day in days for each in day.all)


def written_lines(path: Path, lines: bytes) -> None:
    """Write a file whole: a reader sees the old content or the new, never a part.

    Raises
    ------
    InvalidRequestError
        It can't be written.
    """
    try:
        put_bytes(path.resolve().as_uri(), lines)
    except OSError as error:
        raise InvalidRequestError(f"{path} can't be written: {error.strerror}. Name another file with --out.") from None
