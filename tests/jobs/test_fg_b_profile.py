"""The profile against plain Python: percentile with zeros, local hours, days as masks."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ndr.contract.datasets import FG_B_PROFILE, PROFILE_METRICS, PROFILE_WINDOWS
from ndr.contract.day_masks import weekday_share
from ndr.contract.time import DAY, SLICE, WINDOWS, Interval, parse_instant
from ndr.jobs.fg_b.baseline import Baseline
from ndr.jobs.fg_b.expectation import expected_shares
from ndr.jobs.fg_b.profile import ProfileRules, profiles_of_baselines
from ndr.store.schema import arrow_schema

BERLIN = "Europe/Berlin"
NOTHING = dict.fromkeys(PROFILE_METRICS, 0)
HOST = ("10.0.0.5", "outbound")
KEYS = ("host_ip", "role", "window_label", "window_end")


def fg_a_rows(
    sessions: dict[tuple[str, str, datetime], dict[str, int]], labels: tuple[str, ...] = ("15m", *PROFILE_WINDOWS)
) -> list[dict[str, Any]]:
    """Return FG-A rows of every window that holds a slice of `sessions`: (host, role, slice start) to its metrics."""
    rows: dict[tuple[str, str, str, datetime], dict[str, int]] = {}
    for (host, role, slice_start), metrics in sessions.items():
        for label in labels:
            for ahead in range(WINDOWS[label] // SLICE):
                row = rows.setdefault((host, role, label, slice_start + (ahead + 1) * SLICE), dict(NOTHING))
                for name, value in metrics.items():
                    row[name] += value
    return [dict(zip(KEYS, key, strict=True)) | {"time_band": "night"} | row for key, row in rows.items()]


def table_of(rows: list[dict[str, Any]]) -> pa.Table:
    fields = [(name, pa.string()) for name in ("host_ip", "role", "time_band", "window_label")]
    fields += [("window_end", pa.timestamp("us", "UTC")), *((name, pa.int64()) for name in PROFILE_METRICS)]
    return pa.Table.from_pylist(rows, pa.schema(fields))


def naive_profile(
    rows: list[dict[str, Any]], baseline: Baseline, published: list[Interval], zone: str
) -> list[dict[str, Any]]:
    """The definition, window by window."""
    slices = [each.start for part in published for each in part.steps(SLICE)]
    known = set(slices)
    last_day = (baseline.end - SLICE).astimezone(ZoneInfo(zone)).date()
    found = []
    for label in PROFILE_WINDOWS:
        width = WINDOWS[label] // SLICE
        ends = [
            at + SLICE
            for at in known
            if at in baseline.interval and all(at - back * SLICE in known for back in range(width))
        ]
        local = {end: (end - SLICE).astimezone(ZoneInfo(zone)) for end in ends}
        observed = defaultdict(set)
        for at in local.values():
            observed[at.hour].add((last_day - at.date()).days)
        of_label = [row for row in rows if row["window_label"] == label and row["window_end"] in local]
        for host, role in sorted({(row["host_ip"], row["role"]) for row in of_label}):
            own = [row for row in of_label if (row["host_ip"], row["role"]) == (host, role)]
            high: dict[str, dict[int, set[int]]] = {}
            highest: dict[str, dict[int, dict[int, int]]] = {metric: defaultdict(dict) for metric in PROFILE_METRICS}
            for metric in PROFILE_METRICS:
                values = [row[metric] for row in own]
                median, p95 = np.percentile(values + [0] * (len(ends) - len(own)), [50, 95])
                high[metric] = defaultdict(set)
                for row in own:
                    at = local[row["window_end"]]
                    day = (last_day - at.date()).days
                    highest[metric][at.hour][day] = max(row[metric], highest[metric][at.hour].get(day, 0))
                    if row[metric] > median and row[metric] >= p95:
                        high[metric][at.hour].add(day)
            for hour in sorted({hour for hours in high.values() for hour in hours}):
                key = (host, role, label, hour, baseline.label, baseline.end)
                row = dict(zip(FG_B_PROFILE.key, key, strict=True))
                row |= {"days_observed": len(observed[hour]), "observed_days_mask": _mask(observed[hour])}
                for metric in PROFILE_METRICS:
                    days = high[metric][hour]
                    row |= {f"{metric}_high_days_share": len(days) / len(observed[hour])}
                    row |= {f"{metric}_high_days_mask": _mask(days)}
                    second = sorted([0, 0, *highest[metric][hour].values()])[-2]
                    row |= {f"{metric}_second_highest": second or None}
                found.append(row)
    return sorted(found, key=lambda row: [row[name] for name in FG_B_PROFILE.key])


def _mask(days: set[int]) -> int:
    return sum(1 << day for day in days)


# Two days around each clock change of Berlin, and days without one.
_ENDS = st.sampled_from([datetime.fromisoformat(f"2026-{day}T00:00Z") for day in ("03-30", "10-26", "01-09")])


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[Baseline], list[Interval], str]:
    end = draw(_ENDS)
    at = st.integers(1, 2 * 96).map(lambda slices: end - slices * SLICE)
    series = st.tuples(st.sampled_from(["10.0.0.5", "10.0.0.40"]), st.sampled_from(["outbound", "inbound"]), at)
    metrics = st.fixed_dictionaries({"sessions_cnt": st.integers(1, 3), "bytes_sent_sum": st.integers(0, 9)})
    # A host that is always active, so that the percentile lies between its values and not among zeros.
    steady = {(*HOST, end - back * SLICE): {"sessions_cnt": 1 + back % 7} for back in range(1, 2 * 96, 4)}
    sessions = draw(st.dictionaries(series, metrics, max_size=12)) | (steady if draw(st.booleans()) else {})
    gap = draw(st.integers(0, 2 * 96 - 1))
    published = [Interval(end - 2 * DAY, end)]
    if gap:
        cut = end - gap * SLICE
        published = [Interval(end - 2 * DAY, cut), Interval(min(cut + 5 * SLICE, end - SLICE), end)]
    starts = draw(st.lists(st.integers(1, 2 * 96), min_size=1, max_size=2))
    baselines = [Baseline("7d", Interval(end - start * SLICE, end)) for start in starts]
    if draw(st.booleans()):
        baselines.append(Baseline("7d", Interval(end - 2 * DAY, end - DAY)))
    rows = draw(st.permutations(fg_a_rows(sessions))) if len(sessions) < 13 else fg_a_rows(sessions)
    return rows, baselines, published, draw(st.sampled_from([BERLIN, "UTC", "Asia/Kathmandu"]))


@settings(max_examples=min(settings.default.max_examples, 40))
@given(cases(), st.integers(1, 3))
def test_equals_the_definition(
    case: tuple[list[dict[str, Any]], list[Baseline], list[Interval], str], pieces: int
) -> None:
    rows, baselines, published, zone = case
    table = table_of(rows)
    batches = [batch for batch in table.to_batches(max_chunksize=max(1, -(-len(rows) // pieces))) if batch.num_rows]
    found = profiles_of_baselines(batches, baselines, ProfileRules(published, zone), threads=2)
    for baseline, profile in zip(baselines, found, strict=True):
        assert profile.schema == arrow_schema(FG_B_PROFILE)
        assert profile.to_pylist() == naive_profile(rows, baseline, published, zone)


def test_a_nightly_backup_is_high_at_its_hour_on_each_day_and_a_weekly_one_on_its_weekday() -> None:
    end = parse_instant("2026-02-02")  # a Monday
    month = Interval(end - 30 * DAY, end)
    nightly = {at.start + timedelta(hours=2): 50_000 for at in month.steps(DAY)}
    weekly = {at.start + timedelta(hours=20): 60_000 for at in month.steps(DAY) if at.start.weekday() == 1}
    sessions = {(*HOST, at.start): {"sessions_cnt": 1, "bytes_sent_sum": 100} for at in month.steps(SLICE)}
    sessions |= {(*HOST, at): {"sessions_cnt": 1, "bytes_sent_sum": size} for at, size in (nightly | weekly).items()}
    (profile,) = profiles_of_baselines(
        table_of(fg_a_rows(sessions, ("1h",))), [Baseline("30d", month)], ProfileRules([month])
    )
    hourly = {row["hour_of_day"]: row for row in profile.to_pylist() if row["window_label"] == "1h"}
    assert {hour: row["bytes_sent_sum_high_days_share"] for hour, row in hourly.items()} == {2: 1.0, 20: 4 / 30}
    assert {hour: row["bytes_sent_sum_second_highest"] for hour, row in hourly.items()} == {2: 50_300, 20: 60_300}
    masks = hourly[20]["bytes_sent_sum_high_days_mask"], hourly[20]["observed_days_mask"]
    # Seen from Tuesday, 3 February, whose day lies two days after Sunday, the last one.
    assert [weekday_share(*masks, days_ago) for days_ago in range(1, 8)] == [0, 1, 0, 0, 0, 0, 0]


@given(cases(), st.integers(0, 8 * 96))
@settings(max_examples=min(settings.default.max_examples, 10))
def test_expected_shares_are_those_of_the_row_of_the_hour(
    case: tuple[list[dict[str, Any]], list[Baseline], list[Interval], str], ahead: int
) -> None:
    rows, (baseline, *_), published, zone = case
    (profile,) = profiles_of_baselines(table_of(rows), [baseline], ProfileRules(published, zone))
    by_key = {tuple(row[name] for name in FG_B_PROFILE.key[:4]): row for row in profile.to_pylist()}
    asked = [row | {"window_end": row["window_end"] + ahead * SLICE} for row in rows[:200]]
    asked.append(
        {**asked[0], "host_ip": "10.9.9.9"} if asked else dict(zip(KEYS, (*HOST, "1h", baseline.end), strict=True))
    )
    windows = table_of(asked).select(list(KEYS))
    windows = windows.set_column(0, "host_ip", windows["host_ip"].dictionary_encode())
    found = expected_shares(profile, windows, zone)
    last_day = (baseline.end - SLICE).astimezone(ZoneInfo(zone)).date()
    for number, row in enumerate(asked):
        at = (row["window_end"] - SLICE).astimezone(ZoneInfo(zone))
        known = by_key.get((row["host_ip"], row["role"], row["window_label"], at.hour))
        for metric in PROFILE_METRICS:
            share, by_weekday = found[metric].days_share[number], found[metric].weekday_share[number]
            highest = known[f"{metric}_second_highest"] if known else None
            assert (
                np.isnan(found[metric].second_highest[number])
                if highest is None
                else (found[metric].second_highest[number] == highest)
            )
            if row["window_label"] not in PROFILE_WINDOWS:
                assert np.isnan([share, by_weekday]).all()
            elif known is None:
                assert (share, by_weekday) == (0, 0)
            else:
                masks = known[f"{metric}_high_days_mask"], known["observed_days_mask"]
                expected = weekday_share(*masks, (at.date() - last_day).days)
                assert share == known[f"{metric}_high_days_share"]
                assert np.isnan(by_weekday) if expected is None else by_weekday == expected


def second_highest(sizes: list[int]) -> float | None:
    """Return what the profile has of a host that sends so much at two o'clock of consecutive days."""
    end = parse_instant("2026-01-08")
    week = Interval(end - 7 * DAY, end)
    at_two = [week.start + day * DAY + timedelta(hours=2) for day in range(len(sizes))]
    sessions = {
        (*HOST, at): {"sessions_cnt": 1, "bytes_sent_sum": size} for at, size in zip(at_two, sizes, strict=True)
    }
    rules = ProfileRules([week])
    (profile,) = profiles_of_baselines(table_of(fg_a_rows(sessions, ("1h",))), [Baseline("7d", week)], rules)
    (row,) = (row for row in profile.to_pylist() if row["hour_of_day"] == 2)
    return row["bytes_sent_sum_second_highest"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("sizes", "found"),
    [
        ([900], None),  # an attack of one day
        ([0, 900, 0], None),
        ([10, 10, 900], 10),
        ([900, 10, 900], 900),  # two days teach, also where they tie
        ([10, 700, 20, 900], 700),
    ],
)
def test_the_second_highest_is_what_two_days_reach(sizes: list[int], found: int | None) -> None:
    assert second_highest(sizes) == found


def test_without_rows_there_is_no_profile() -> None:
    week = Interval(parse_instant("2026-01-01"), parse_instant("2026-01-08"))
    (profile,) = profiles_of_baselines(table_of([]), [Baseline("7d", week)], ProfileRules([week]))
    assert profile.equals(arrow_schema(FG_B_PROFILE).empty_table())


@pytest.mark.parametrize(
    ("mask", "observed", "days_ago", "share"),
    [
        (0b1, 0b1, 7, 1.0),  # the last day was a week ago
        (0b1, 0b1, 1, None),  # no day of that weekday was observed
        (1 << 6 | 1 << 13, 1 << 6 | 1 << 13 | 1 << 20, 1, 2 / 3),
        (1 << 62, 1 << 62, 1, 1.0),
        (0b1, 0b0, 0, None),  # a day that was not observed counts on neither side
    ],
)
def test_the_share_of_a_weekday_follows_from_the_masks(
    mask: int, observed: int, days_ago: int, share: float | None
) -> None:
    assert weekday_share(mask, observed, days_ago) == share
