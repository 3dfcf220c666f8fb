"""FG-B: baselines of the metrics, of a host and of a segment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ndr.contract.columns import Column, Dataset
from ndr.contract.datasets.keys import HORIZON_COLUMNS, HOST, ROLE, SEGMENT, TIME_BAND
from ndr.contract.datasets.statistics import ROBUST, statistics_of
from ndr.contract.time import WINDOWS
from ndr.contract.wording import listed


def statistics_dataset(name: str, entity: Column, metrics: Iterable[str]) -> Dataset:
    """Return the schema of host or segment baselines over `metrics`."""
    per_metric = tuple(
        replace(each, name=f"{metric}_{each.name}", meaning=f"{metric}: {each.meaning}")
        for metric in metrics
        for each in statistics_of(metric)
    )
    return Dataset(
        name,
        (entity.name, "role", "time_band", "window_label", "baseline_horizon", "baseline_end"),
        (
            entity,
            ROLE,
            TIME_BAND,
            Column("window_label", "string", listed(WINDOWS)),
            *HORIZON_COLUMNS,
            Column("rows_cnt", "int64", "FG-A rows in the horizon whose whole window is published", "rows"),
            Column(
                "capped_rows_cnt",
                "int64",
                "of them left out of the percentiles as anomalous",
                "rows",
                "|x - median| / MAD of a key metric above the JobSpec's threshold, up to a fifth of the rows",
                source=ROBUST,
            ),
            Column(
                "active_slices_cnt",
                "int64",
                "slices of the horizon with a session in the role, in any time band",
                "slices",
            ),
            Column("active_days_cnt", "int64", "UTC days of these slices", "days"),
            Column(
                "active_ratio",
                "float64",
                "how much of the published time the group was active",
                "share",
                "observed window ends / published ones of the time band",
            ),
            *per_metric,
        ),
        "baseline_end",
        is_window_end=True,
    )


def fg_b_host(metrics: Iterable[str]) -> Dataset:
    """Return the schema of host baselines over `metrics`."""
    return statistics_dataset("host", HOST, metrics)


def fg_b_segment(metrics: Iterable[str]) -> Dataset:
    """Return the schema of segment baselines over `metrics`."""
    return statistics_dataset("segment", SEGMENT, metrics)
