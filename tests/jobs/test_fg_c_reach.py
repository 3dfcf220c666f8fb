"""Windows that reach into several time bands: the one by which a value is the least unusual judges it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from tests.jobs.fg_c_tables import BANDS, HOSTS, METRICS, SEGMENTS, SPEC, WINDOWS, baseline, feature_rows

from ndr.contract.datasets import FG_A
from ndr.contract.jobspecs.calendar import Calendar
from ndr.jobs.fg_c.kernel import Scoring, nothing_reached
from ndr.jobs.fg_c.reach import reached_bands
from ndr.jobs.fg_c.rows import FeatureRows
from ndr.jobs.fg_c.scored_rows import ScoredRows
from ndr.jobs.fg_c.unusual import unusual_parts
from ndr.store.schema import arrow_schema

LEAST = dict.fromkeys(WINDOWS, 20)
SEGMENT_OF = dict(zip(HOSTS, SEGMENTS, strict=True))
FRIDAY = datetime(2026, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("label", "end", "bands"),
    [
        ("1h", timedelta(hours=8), {"night"}),
        ("1h", timedelta(hours=8, minutes=15), {"night", "working_hours"}),
        ("8h", timedelta(hours=8, minutes=15), {"night", "working_hours"}),
        ("8h", timedelta(hours=16), {"working_hours"}),
        ("24h", timedelta(days=1, hours=8, minutes=15), {"working_hours", "evening", "night", "weekend_day"}),
    ],
)
def test_the_bands_of_a_window_are_those_of_its_slices(label: str, end: timedelta, bands: set[str]) -> None:
    row = {"host_ip": "10.0.0.1", "role": "outbound", "window_label": label, "window_end": FRIDAY + end}
    other = row | {"window_label": "1h", "window_end": FRIDAY + timedelta(hours=12)}
    rows = FeatureRows.of(pa.Table.from_pylist([row, other], arrow_schema(FG_A)))
    place = (rows.windows.index(label), rows.instants.tolist().index(int((FRIDAY + end).timestamp() * 1e6)))
    reached = reached_bands(rows.windows, rows.instants, Calendar())
    assert {band for band, of in reached.items() if of[place]} == bands


@pytest.mark.parametrize("seed", [1, 2])
def test_the_least_unusual_of_the_reached_bands_judges(seed: int) -> None:
    """Scored as a row of each of both bands; of those with the nearest judge, the smaller contribution is kept."""
    table, baselines = feature_rows(seed), [baseline("7d", seed + 1, 1)]

    def everywhere(windows: Sequence[str], ends: np.ndarray) -> dict[str, np.ndarray]:
        return {band: np.ones((len(windows), len(ends)), bool) for band in (*BANDS, "unknown")}

    def scoring(rows: pa.Table, reach: bool) -> Scoring:
        features = FeatureRows.of(rows)
        segments = [SEGMENT_OF[host] for host in features.hosts]
        return Scoring.of(
            features, baselines, segments, SPEC, LEAST, reached_bands=everywhere if reach else nothing_reached
        )

    def scored(rows: pa.Table, reach: bool) -> ScoredRows:
        found = scoring(rows, reach)
        return found.scored(found.rows)

    def in_band(change: dict[str, str]) -> pa.Table:
        bands = [change[band] for band in table["time_band"].to_pylist()]
        return table.set_column(table.column_names.index("time_band"), "time_band", pa.array(bands))

    found = scored(table, reach=True)
    own, other = (scored(in_band(dict(zip(BANDS, bands, strict=True))), reach=False) for bands in (BANDS, BANDS[::-1]))
    as_near = other.tiers == own.tiers
    least = np.where(as_near, np.minimum(own.of("contribution"), other.of("contribution")), own.of("contribution"))
    assert np.array_equal(found.tiers, own.tiers)
    np.testing.assert_array_equal(found.of("contribution"), least)
    is_other = least < own.of("contribution")
    assert is_other.any()
    assert len(METRICS) == is_other.shape[1]
    (unusual,) = unusual_parts(scoring(table, reach=True))
    assert np.array_equal(unusual.unusual, found.of("contribution")[..., 0] > 0)
    np.testing.assert_array_equal(found.of("p99"), np.where(is_other, other.of("p99"), own.of("p99")))
