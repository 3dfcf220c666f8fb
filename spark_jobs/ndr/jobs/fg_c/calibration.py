"""Conformal p values: the rank of a score among those of earlier days, on which nothing is assumed but their order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from ndr.contract.jobspecs.fg_c_builder import Calibration as CalibrationSpec
from ndr.contract.time import DAY, Interval, floor_to
from ndr.jobs.fg_c.formulas import Floats


def calibration_days(slice_start: datetime, spec: CalibrationSpec) -> Interval:
    """Return the whole UTC days whose scores calibrate a slice."""
    end = floor_to(slice_start, DAY) - spec.gap_days * DAY
    return Interval(end - spec.days * DAY, end)


@dataclass(frozen=True)
class Calibration:
    """Scores of the calibration days, ascending; below `least` of them there is no p value."""

    scores: Floats
    least: int

    @classmethod
    def of(cls, scores: pa.ChunkedArray | Floats, least: int) -> Calibration:
        values = scores.to_numpy() if isinstance(scores, pa.ChunkedArray) else scores
        return cls(np.sort(values), least)

    def __len__(self) -> int:
        return len(self.scores)

    def p_values(self, scores: Floats) -> Floats:
        """Return (1 + scores of the calibration that are at least as large) / (1 + their number); NaN with too few.

        Where scores of normal days are exchangeable, a normal score has a p value below t with a probability of at
        most t (Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005, chapter 2).
        """
        if len(self) < self.least:
            return np.full(len(scores), np.nan)
        at_least = len(self) - np.searchsorted(self.scores, scores, side="left")
        return np.asarray((1.0 + at_least) / (1.0 + len(self)), np.float64)
