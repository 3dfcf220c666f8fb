"""How many window ends a horizon has in each time band."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from ndr.contract.datasets import TIME_BANDS
from ndr.contract.jobspecs.fg_a_builder import BusinessHours
from ndr.contract.time import Interval, slice_number
from ndr.jobs.fg_a.business_time import calendar_columns


def expected_ends(interval: Interval, hours: BusinessHours, windows: Iterable[str]) -> dict[tuple[str, str], int]:
    """Return, for each (time_band, window_label), the window ends of an always active host in `interval`.

    A window of any length ends with every slice, so the count depends on the band alone.
    """
    first, last = (slice_number(instant) for instant in (interval.start, interval.end))
    bands = Counter(calendar_columns(np.arange(first + 1, last + 1), hours)["time_band"].to_pylist())
    return {(band, window): bands[band] for band in TIME_BANDS for window in windows}
