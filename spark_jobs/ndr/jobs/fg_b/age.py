"""How old the newest baseline of a horizon is, as a nightly run finds it."""

from __future__ import annotations

from datetime import datetime

from pyarrow import fs

from ndr.contract.horizons import HORIZONS
from ndr.store.catalog import newest_baseline
from ndr.store.partition import day_of
from ndr.store.storage import list_names


def baseline_age_days(fg_b: str, fg_a: str, horizon: str, end: datetime) -> int:
    """Return the days from the end of the newest baseline of a horizon to `end`.

    While there is none they count from the end of the first that could have been built, so that a schedule which never
    began is seen too; they are 0 while the features are younger than the horizon.

    Parameters
    ----------
    fg_b, fg_a : str
        Prefixes of the baselines and of the features that they are built from.
    horizon : str
        `7d` or `30d`.
    end : datetime
        A midnight; later baselines are none.
    """
    newest = newest_baseline(fg_b, horizon, end)
    if newest is not None:
        return (end - newest.manifest.end).days
    days = [day for name in list_names(fg_a, kind=fs.FileType.Directory) if (day := day_of(name))]
    return max((end - min(days) - HORIZONS[horizon]).days, 0) if days else 0
