"""Which time bands a window reaches into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ndr.contract.jobspecs.calendar import Calendar
from ndr.contract.time import SLICE, SLICE_MICROSECONDS, WINDOWS
from ndr.jobs.fg_a.business_time import calendar_columns
from ndr.jobs.fg_c.formulas import Ints


def reached_bands(windows: Sequence[str], ends: Ints, calendar: Calendar) -> Mapping[str, NDArray[np.bool_]]:
    """Tell, by time band, which windows have a slice in it.

    The `time_band` of a row is that of its window's last slice. A window of eight hours that ends at 08:15 is almost
    all night; one of a day that ends on a Saturday morning is almost all Friday.

    Parameters
    ----------
    windows : sequence of str
        Labels.
    ends : int64[ends]
        Microseconds since the epoch.

    Returns
    -------
    mapping of str to bool[windows, ends]
    """
    if not len(windows) or not len(ends):
        return {}
    last = ends // SLICE_MICROSECONDS
    length = np.array([WINDOWS[label] // SLICE for label in windows], np.int64)[:, np.newaxis]
    first = int(last.min() - length.max())
    # calendar_columns takes the ends of slices, as numbers of slices.
    band = calendar_columns(np.arange(first + 1, int(last.max()) + 1), calendar)["time_band"].cast(pa.string())
    found = {}
    for name in band.unique().to_pylist():
        so_far = np.concatenate([[0], np.cumsum(np.array(band.to_pylist()) == name)])
        found[name] = so_far[last - first] > so_far[last - length - first]
    return found
