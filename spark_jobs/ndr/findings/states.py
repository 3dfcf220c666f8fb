"""What an event tells of a finding; the numbers are those of OCSF."""

from __future__ import annotations

from enum import IntEnum

from ndr.contract.time import SLICE, Interval
from ndr.findings.finding import Finding


class Activity(IntEnum):
    """Whether an event is the first one of a finding, a later one, or its end."""

    CREATE = 1
    UPDATE = 2
    CLOSE = 3


class Status(IntEnum):
    """The state of a finding: of an open one whether it was told before, of a closed one why it is closed."""

    NEW = 1
    IN_PROGRESS = 2
    SUPPRESSED = 3
    RESOLVED = 4


def activity_of(finding: Finding, told_of: Interval | None = None) -> Activity:
    """Return what the event of a finding is, in the scores of an interval; by default of its last slice."""
    start, end = (told_of.start, told_of.end) if told_of else (finding.last_seen - SLICE, finding.last_seen)
    return Activity.CREATE if start < finding.first_seen <= end else Activity.UPDATE


def status_of(activity: Activity) -> Status:
    """Return the state of an open finding."""
    return Status.NEW if activity is Activity.CREATE else Status.IN_PROGRESS
