"""A baseline to build."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa

from ndr.contract.datasets import TIME_BANDS
from ndr.contract.jobspecs.fg_a_builder import BusinessHours
from ndr.contract.time import Interval, slice_number
from ndr.jobs.fg_a.business_time import calendar_columns
from ndr.store.publish import PartitionWriter


@dataclass(frozen=True, slots=True)
class Baseline:
    """One baseline to build: its horizon's label, its interval, and how many window ends the interval holds.

    Attributes
    ----------
    label : str
        `7d` or `30d`.
    interval : Interval
        [end - horizon, end). A row belongs to it when start < window_end <= end: its last slice lies inside.
    expected_ends : mapping of (time_band, window_label) to int
        Window ends in the interval of a host that is always active, the denominator of active_ratio. Empty for pair
        baselines.
    """

    label: str
    interval: Interval
    expected_ends: Mapping[tuple[str, str], int] = field(default_factory=dict)

    @property
    def end(self) -> datetime:
        return self.interval.end


@dataclass(frozen=True)
class BaselineJob:
    """One baseline as a unit of work, with the machines (ip_address, machine_name) known at its end and the writer of
    its partition."""

    baseline: Baseline
    machines: pa.Table
    writer: PartitionWriter


def expected_ends(interval: Interval, hours: BusinessHours, windows: Iterable[str]) -> dict[tuple[str, str], int]:
    """Return, for each (time_band, window_label), the window ends of an always active host in `interval`.

    A window of any length ends with every slice, so the count depends on the band alone.
    """
    first, last = (slice_number(instant) for instant in (interval.start, interval.end))
    bands = Counter(calendar_columns(np.arange(first + 1, last + 1), hours)["time_band"].to_pylist())
    return {(band, window): bands[band] for band in TIME_BANDS for window in windows}
