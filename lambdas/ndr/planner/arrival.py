"""Which batch a delivered file belongs to, and whether that batch can be built now: start on arrival.

The schedule starts every batch, whatever was delivered. A file that arrives may start its batch before that, or again.
So what cannot be built now, or is too old for a mini-batch, is left to the schedule and to LATE.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from ndr.contract.lineage import REPAIRED
from ndr.contract.manifest import SUCCESS_NAME
from ndr.contract.time import SLICE, Interval, floor_to, interval_of, unfilled
from ndr.planner.feature_prefixes import FeaturePrefixes
from ndr.planner.folder import Folder
from ndr.planner.keys import bucket_and_key, is_data
from ndr.planner.plan import PlanPart


class Arrival(BaseModel):
    """A file that arrived: its bucket and key, as the event of S3 names them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bucket: str = Field(min_length=1)
    key: str = Field(min_length=1)


@dataclass(frozen=True)
class ArrivedBatch:
    """The batch of a file that arrived.

    Attributes
    ----------
    batch : Interval
    is_complete : bool
        Whether the file says that nothing more of the batch will come: the marker `_SUCCESS` of its mini-batch.
    is_quiet : bool
        Whether it need not be waited for further files: in a layout by time, where their delay has passed.
    """

    batch: Interval
    is_complete: bool = False
    is_quiet: bool = False


class Skipped(PlanPart):
    """A plan of nothing: the machine ends with it as its output, as after any plan that starts nothing."""

    dry_run: Literal[True] = True
    skipped: str
    message: str


class Gathering(PlanPart):
    """A plan to plan again later: files of the batch may still be arriving. `wait_seconds` is how long to wait."""

    dry_run: Literal[False] = False
    wait_for: Literal["further files"] = "further files"
    wait_seconds: int
    message: str


NOT_TRAFFIC: Final = "the JobSpecs name no traffic there"


def batch_of(arrival: Arrival, prefixes: FeaturePrefixes, length: timedelta, now: datetime) -> ArrivedBatch | str:
    """Return the batch of a file that arrived, or why it starts none.

    Parameters
    ----------
    length : timedelta
        Of a scheduled batch.
    now : datetime
        When the file arrived.
    """
    integration = urlsplit(prefixes.integration)
    bucket, base = bucket_and_key(prefixes.integration)
    if integration.scheme != "s3" or arrival.bucket != bucket or not arrival.key.startswith(base):
        return f"it is not below {prefixes.integration}, where the delivery is"
    path = arrival.key.removeprefix(base)
    found = _of_layout(path, prefixes, length, now) if prefixes.layout else _of_mini_batch(path, length)
    if isinstance(found, ArrivedBatch) and found.batch.end <= now - REPAIRED:
        return f"its batch {found.batch} is more than a day old, so LATE builds it"
    return found


def _of_mini_batch(path: str, length: timedelta) -> ArrivedBatch | str:
    parts = path.split("/")
    for number, part in enumerate(parts[:-1]):
        if interval := interval_of(part):
            start = floor_to(interval.start, length)
            rest = "/".join(parts[number + 1 :])
            if interval.end > start + length:
                return f"its folder holds {interval}, which is longer than a scheduled batch, so that it is a person's"
            if not is_data(rest) and rest != SUCCESS_NAME:
                return "it is a marker"
            return ArrivedBatch(Interval(start, start + length), is_complete=rest == SUCCESS_NAME)
    return "its folder is not named as a mini-batch"


def _of_layout(path: str, prefixes: FeaturePrefixes, length: timedelta, now: datetime) -> ArrivedBatch | str:
    """Take the last batch of which no row can come in time any more."""
    layout = prefixes.layout
    place = layout.folder_of(path) if layout else None
    if layout is None or place is None or not is_data(path.removeprefix(place[0])):
        return "its folder is not one of the layout"
    end = floor_to(now - layout.delivery_delay, length)
    return ArrivedBatch(Interval(end - length, end), is_quiet=True)


def missing_slices(arrived: ArrivedBatch, folders: Sequence[Folder]) -> list[Interval]:
    """Return the slices of a batch of which nothing was delivered yet; none where that says nothing."""
    if arrived.is_quiet:
        return []
    parts = [part for folder in folders if (part := folder.interval.intersection(arrived.batch))]
    return [each for gap in unfilled(arrived.batch, parts) for each in gap.steps(SLICE)]


def seconds_to_wait(arrived: ArrivedBatch, folders: Sequence[Folder], quiet: timedelta, now: datetime) -> int:
    """Return how long the batch must be waited for: until it is over, and no file has come for `quiet`."""
    if arrived.is_complete or arrived.is_quiet:
        return 0
    newest = max((file.modified_at for folder in folders for file in folder.files), default=now - quiet)
    # S3 tells whole seconds: a file may have come almost a second after the one that it says.
    left = (max(arrived.batch.end, newest + quiet) - now).total_seconds()
    return max(0, int(-(-left // 1)))
