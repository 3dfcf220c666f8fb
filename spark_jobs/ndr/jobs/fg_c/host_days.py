"""One p value for each host and UTC day, from the scores of its window ends."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.jobspecs.fg_c_builder import Calibration
from ndr.contract.time import DAY_MICROSECONDS, SLICE_MICROSECONDS, day_number
from ndr.jobs.fg_c.calibration import calibration_days
from ndr.jobs.fg_c.formulas import Ints


def host_day_p_values(hosts: pa.Table, day: datetime, calibration: Calibration) -> pa.Table:
    """Rank the hosts of a day.

    Parameters
    ----------
    hosts : pa.Table
        host_ip, window_end and score of FG_C_HOSTS, of the day and of its calibration days.
    day : datetime
        Midnight UTC that the day starts with.
    calibration : Calibration
        Of the JobSpec; `min_scores` is of host-days here.

    Returns
    -------
    pa.Table
        host_ip, score (the largest of the day), windows_cnt and p_value of each host of the day, the least usual
        first; p_value is null with too few host-days.

    Notes
    -----
    The p value of a day is that of its largest score among the largest scores of the host-days of the calibration: the
    smallest p value of its windows, corrected for their number. The windows of a day overlap, so that the correction
    by Bonferroni, windows_cnt times the smallest p value, would be too strict by an order of magnitude; the
    distribution of the maximum has their dependence in it (Westfall and Young, Resampling-Based Multiple Testing,
    1993, section 2.3).
    """
    ends = hosts["window_end"].cast(pa.int64()).to_numpy()
    days = (ends - SLICE_MICROSECONDS) // DAY_MICROSECONDS
    by_day = pa.table([hosts["host_ip"].cast(pa.string()), pa.array(days), hosts["score"]], ["host_ip", "day", "score"])
    largest = by_day.group_by(["host_ip", "day"], use_threads=False).aggregate([("score", "max"), ("score", "count")])
    span = calibration_days(day, calibration)
    of_day = largest["day"].to_numpy()
    earlier = np.sort(largest["score_max"].to_numpy()[_within(of_day, day_number(span.start), day_number(span.end))])
    found = largest.filter(pc.equal(largest["day"], day_number(day)))
    scores = found["score_max"].to_numpy()
    at_least = len(earlier) - np.searchsorted(earlier, scores, side="left")
    p_values = np.where(len(earlier) >= calibration.min_scores, (1 + at_least) / (1 + len(earlier)), np.nan)
    table = pa.table(
        {
            "host_ip": found["host_ip"],
            "score": found["score_max"],
            "windows_cnt": found["score_count"],
            "p_value": pa.array(p_values, from_pandas=True),
        }
    )
    return table.sort_by([("score", "descending"), ("host_ip", "ascending")])


def _within(days: Ints, first: int, end: int) -> np.ndarray:
    return (days >= first) & (days < end)
