"""A machine with two addresses has two rows at a window end: one window in which it was active, with two values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from ndr.contract.time import DAY, SLICE, Interval, microseconds, parse_instant
from ndr.jobs.fg_b.baseline import Baseline, StatisticsRules
from ndr.jobs.fg_b.statistics import tables_of_baselines

START = parse_instant("2026-01-05")
SPAN = Interval(START, START + 6 * DAY)
RULES = StatisticsRules(("sessions_cnt",), ("sessions_cnt",), support_min=1, hosts_are_machines=True)


def _rows(addresses: int) -> pa.Table:
    """A machine that is active in every second slice, with its number of sessions at each address."""
    ends = np.arange(microseconds(SPAN.start), microseconds(SPAN.end), 2 * (SLICE.total_seconds() * 1e6)).astype(
        np.int64
    )
    ends = np.tile(ends + int(SLICE.total_seconds() * 1e6), addresses)
    sessions = np.random.default_rng(1).integers(1, 50, len(ends))
    return pa.table(
        {
            "host_ip": pa.repeat("@4pc", len(ends)),
            "role": pa.repeat("outbound", len(ends)),
            "time_band": pa.repeat("night", len(ends)),
            "window_label": pa.repeat("15m", len(ends)),
            "window_end": pa.array(ends).cast(pa.timestamp("us", "UTC")),
            "sessions_cnt": pa.array(sessions),
        }
    )


def _baselines(count: int) -> list[Baseline]:
    """Baselines of two days, of which four are computed by another strategy than one."""
    days = [Interval(START + number * DAY, START + (number + 2) * DAY) for number in range(count)]
    return [Baseline("7d", each, {("night", "15m"): 192}) for each in days]


@pytest.mark.parametrize("horizons", [1, 5])
def test_its_windows_are_counted_once(horizons: int) -> None:
    rows = _rows(2)
    for baseline, tables in zip(
        _baselines(horizons), tables_of_baselines(rows, _baselines(horizons), RULES), strict=True
    ):
        (found,) = tables.host.to_pylist()
        assert found["rows_cnt"] == 192
        assert found["active_ratio"] == 0.5
        assert found["active_slices_cnt"] == found["sessions_cnt_support_count"] == 96
        ends = rows["window_end"].cast(pa.int64()).to_numpy()
        first, last = (microseconds(at) for at in (baseline.interval.start, baseline.interval.end))
        values = rows["sessions_cnt"].to_numpy()[(ends > first) & (ends <= last)]
        assert found["sessions_cnt_median"] == np.median(values)
        with_zeros = np.concatenate([values, np.zeros(192 - 96)])
        assert found["sessions_cnt_p95_all"] == pytest.approx(np.percentile(with_zeros, 95))


def test_one_address_is_as_by_default() -> None:
    rows = _rows(1).set_column(0, "host_ip", pa.repeat("10.0.0.1", len(_rows(1))))
    by_machine, by_address = (
        tables_of_baselines(rows, _baselines(5), replace(RULES, hosts_are_machines=flag)) for flag in (True, False)
    )
    assert [each.host for each in by_machine] == [each.host for each in by_address]
