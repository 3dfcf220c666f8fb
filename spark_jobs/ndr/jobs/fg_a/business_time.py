"""Calendar columns: hour, weekday, weekend and time band, judged in the local time of the JobSpec's calendar."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from ndr.contract.jobspecs.calendar import Calendar
from ndr.contract.time import EPOCH, SLICE
from ndr.jobs.fg_a.codes import Integers


def calendar_columns(ends: Integers, calendar: Calendar) -> dict[str, pa.Array]:
    """Return the calendar columns of windows that end before slice `ends`, by the start of their last slice.

    Parameters
    ----------
    ends : int64[n]
        Slices since the epoch.
    calendar : Calendar
        Time zone, weekend, holidays and bands.
    """
    distinct, row = np.unique(ends, return_inverse=True)
    zone = ZoneInfo(calendar.time_zone)
    starts = [(EPOCH + (int(end) - 1) * SLICE).astimezone(zone) for end in distinct]
    per_end = {
        "hour_of_day": pa.array([start.hour for start in starts], pa.int64()),
        "day_of_week": pa.array([start.weekday() for start in starts], pa.int64()),
        "is_weekend": pa.array([calendar.is_weekend(start.date()) for start in starts], pa.bool_()),
        "time_band": pa.array([calendar.band_of(start.date(), start.time()) for start in starts], pa.string()),
    }
    rows = pa.array(row)
    return {name: values.take(rows) for name, values in per_end.items()}
