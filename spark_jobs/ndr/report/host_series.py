"""The values of hosts over a day, and the baselines that they are compared with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ndr.contract.columns import Column
from ndr.contract.datasets import FG_A, PROFILE_METRICS, ROLES, fg_b_host, fg_b_segment
from ndr.contract.horizons import HORIZONS
from ndr.contract.time import SLICES_PER_DAY, Interval
from ndr.report.published import Published
from ndr.report.ranking import slots_of
from ndr.store.catalog import Partition, delivered_intervals
from ndr.store.publish import read_table
from ndr.store.scan import Scan

STATISTICS: Final = ("median", "p95")
"""What of a baseline is drawn, in this order."""
_WINDOW: Final = "1h"


class Series(NamedTuple):
    """What is drawn as one line: a metric of a role over windows of one length."""

    metric: str
    role: str
    window: str


STANDARD: Final = tuple(Series(metric, role, _WINDOW) for role in ROLES for metric in PROFILE_METRICS)
"""The series of every host; the reasons of findings add others."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Baselines:
    """Medians and p95 by entity (a host or a segment) and series: float64[bands, horizons, 2], NaN where absent."""

    of: Mapping[str, Mapping[Series, Floats]]


def host_values(
    published: Published, day: Interval, wanted: Mapping[Series, Iterable[str] | None]
) -> dict[str, dict[Series, Floats]]:
    """Read the values of a day.

    Parameters
    ----------
    wanted : mapping
        The hosts of each series; None: all.

    Returns
    -------
    dict
        By host and series: float64[96]. A window in which the host had no session is 0, and NaN where its last slice
        is not published. A host without a row in the day has no entry.
    """
    metrics = list(dict.fromkeys(series.metric for series in wanted))
    pieces = tuple(cut for cut in Scan(FG_A, tuple(published.pieces[FG_A.name]), ()).within(day).pieces)
    rows = Scan(FG_A, pieces, ("host_ip", "role", "window_label", "window_end", *metrics)).read(coded=True)
    known = _published_slots(published, day)
    found: dict[str, dict[Series, Floats]] = {}
    for (role, window), of_kind in _by_role_and_window(wanted).items():
        chosen = rows.filter(pc.and_(pc.equal(rows["role"], role), pc.equal(rows["window_label"], window)))
        if not chosen.num_rows:
            continue
        host = chosen["host_ip"].combine_chunks().cast(pa.string()).dictionary_encode()
        place = (host.indices.to_numpy(), slots_of(chosen["window_end"], day))
        names = host.dictionary.to_pylist()
        for series in of_kind:
            values = np.where(known, 0.0, np.nan)[np.newaxis].repeat(len(names), axis=0)
            values[place] = chosen[series.metric].cast(pa.float64()).to_numpy()
            hosts = wanted[series]
            kept = None if hosts is None else set(hosts)
            for name, of_host in zip(names, values, strict=True):
                if kept is None or name in kept:
                    found.setdefault(name, {})[series] = of_host
    return found


def host_baselines(
    valid: Mapping[str, Partition], bands: Sequence[str], wanted: Iterable[Series], metrics: Iterable[str]
) -> Baselines:
    """Read what each host has of baselines; `valid` is a baseline by horizon, `metrics` are those of the baselines."""
    return _baselines(valid, "host", bands, list(wanted), list(metrics))


def segment_baselines(
    valid: Mapping[str, Partition], bands: Sequence[str], wanted: Iterable[Series], metrics: Iterable[str]
) -> Baselines:
    """Read what each segment has of baselines."""
    return _baselines(valid, "segment", bands, list(wanted), list(metrics))


def _published_slots(published: Published, day: Interval) -> NDArray[np.bool_]:
    known = np.zeros(SLICES_PER_DAY, np.bool_)
    pieces = Scan(FG_A, tuple(published.pieces[FG_A.name]), ()).within(day).pieces
    for interval in delivered_intervals(pieces):
        first = (interval.start - day.start).total_seconds() / 900
        known[int(first) : int(first) + interval.slice_count()] = True
    return known


def _by_role_and_window(wanted: Iterable[Series]) -> dict[tuple[str, str], list[Series]]:
    found: dict[tuple[str, str], list[Series]] = {}
    for series in wanted:
        found.setdefault((series.role, series.window), []).append(series)
    return found


def _baselines(
    valid: Mapping[str, Partition], kind: str, bands: Sequence[str], wanted: list[Series], metrics: list[str]
) -> Baselines:
    dataset = (fg_b_host if kind == "host" else fg_b_segment)(metrics)
    entity: Column = dataset.columns[0]
    read = [series for series in wanted if series.metric in metrics]
    columns = [f"{metric}_{name}" for metric in dict.fromkeys(each.metric for each in read) for name in STATISTICS]
    found: dict[str, dict[Series, Floats]] = {}
    for horizon, partition in valid.items():
        names = [entity.name, "role", "time_band", "window_label", *columns]
        rows = read_table(partition.uri, partition.manifest, dataset, names)
        for (role, window), of_kind in _by_role_and_window(read).items():
            chosen = rows.filter(pc.and_(pc.equal(rows["role"], role), pc.equal(rows["window_label"], window)))
            _fill(found, chosen, entity.name, list(HORIZONS).index(horizon), bands, of_kind)
    return Baselines(found)


def _fill(
    found: dict[str, dict[Series, Floats]],
    rows: pa.Table,
    entity: str,
    horizon: int,
    bands: Sequence[str],
    of_kind: Sequence[Series],
) -> None:
    names, in_bands = (_texts(rows[column]) for column in (entity, "time_band"))
    columns: dict[Series, list[Any]] = {
        series: [rows[f"{series.metric}_{name}"].cast(pa.float64()).to_numpy() for name in STATISTICS]
        for series in of_kind
    }
    place = {band: number for number, band in enumerate(bands)}
    for row, (name, band) in enumerate(zip(names, in_bands, strict=True)):
        if band not in place:  # of a calendar that has changed since
            continue
        of_entity = found.setdefault(name, {})
        for series, statistics in columns.items():
            if series not in of_entity:
                of_entity[series] = np.full((len(bands), len(HORIZONS), len(STATISTICS)), np.nan)
            of_entity[series][place[band], horizon] = [values[row] for values in statistics]


def _texts(column: pa.ChunkedArray) -> list[str]:
    return [str(text) for text in column.to_pylist()]
