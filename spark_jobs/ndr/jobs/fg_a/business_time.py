"""Calendar columns: hour, weekday, weekend and time band, judged in the business's own time zone."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from ndr.contract.jobspecs.fg_a_builder import BusinessHours
from ndr.contract.time import EPOCH, SLICE
from ndr.jobs.fg_a.codes import Integers


def calendar_columns(ends: Integers, hours: BusinessHours) -> dict[str, pa.Array]:
    """Return the calendar columns of windows that end before slice `ends`, by the start of their last slice.

    Parameters
    ----------
    ends : int64[n]
        Slices since the epoch.
    hours : BusinessHours
        Working hours, days and time zone.
    """
    distinct, row = np.unique(ends, return_inverse=True)
    zone = ZoneInfo(hours.time_zone)
    starts = [(EPOCH + (int(end) - 1) * SLICE).astimezone(zone) for end in distinct]
    bands = [
        "working_hours"
        if start.weekday() in hours.working_days and hours.start_hour <= start.hour < hours.end_hour
        else "off_hours"
        for start in starts
    ]
    per_end = {
        "hour_of_day": pa.array([start.hour for start in starts], pa.int64()),
        "day_of_week": pa.array([start.weekday() for start in starts], pa.int64()),
        "is_weekend": pa.array([start.weekday() in hours.weekend_days for start in starts], pa.bool_()),
        "time_band": pa.array(bands, pa.string()),
    }
    rows = pa.array(row)
    return {name: values.take(rows) for name, values in per_end.items()}
