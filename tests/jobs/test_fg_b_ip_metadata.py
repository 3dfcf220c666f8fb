"""ip_metadata: who is known, whose history is full, whose baseline to doubt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from ndr.contract.datasets import FG_B_IP_METADATA
from ndr.contract.time import Interval
from ndr.jobs.fg_b.baseline import Baseline
from ndr.jobs.fg_b.ip_metadata import HostActivity, ip_metadata
from ndr.store.schema import arrow_schema

END = datetime(2026, 3, 8, tzinfo=UTC)
START = END - timedelta(days=7)
WINDOW = Baseline("7d", Interval(START, END))
SLICE = timedelta(minutes=15)


def rows(*keys: tuple[str, int, str]) -> pa.Table:
    """Make FG-A rows of (host, slice of the horizon, window label)."""
    return pa.table(
        {
            "host_ip": pa.array([host for host, _, _ in keys], pa.string()),
            "role": pa.array(["outbound"] * len(keys), pa.string()),
            "time_band": pa.array(["off_hours"] * len(keys), pa.string()),
            "window_label": pa.array([label for _, _, label in keys], pa.string()),
            "window_end": pa.array([START + (at + 1) * SLICE for _, at, _ in keys], pa.timestamp("us", "UTC")),
        }
    )


def inventory(**names: str) -> pa.Table:
    addresses = [name.replace("h", "10.0.0.") for name in names]
    return pa.table({"ip_address": pa.array(addresses, pa.string()), "machine_name": list(names.values())})


def described(activity: pa.Table, known: pa.Table) -> dict[str, tuple]:
    result = ip_metadata(HostActivity.of(activity, WINDOW.interval), WINDOW, known, ["VDI-", "NP-"])
    assert result.schema == arrow_schema(FG_B_IP_METADATA)
    columns = ("machine_name", "is_full_history", "is_non_persistent_machine", "is_cold_start")
    return {row["host_ip"]: tuple(row[name] for name in columns) for row in result.to_pylist()}


def test_activity_is_the_first_and_last_slice_of_a_single_slice_window() -> None:
    activity = HostActivity.of(
        rows(("h", 5, "15m"), ("h", 9, "15m"), ("h", 40, "24h"), ("g", 1, "24h"), ("h", -1, "15m")),
        Interval(START - SLICE, END),
    )
    assert activity.within(WINDOW.interval).to_pylist() == [
        {"host_ip": "h", "first_seen": START + 5 * SLICE, "last_seen": START + 9 * SLICE},
    ]


def test_history_is_full_when_the_first_and_the_last_day_were_seen() -> None:
    last = 7 * 96 - 1
    activity = rows(
        ("10.0.0.1", 95, "15m"), ("10.0.0.1", last - 95, "15m"),
        ("10.0.0.2", 96, "15m"), ("10.0.0.2", last, "15m"),
        ("10.0.0.3", 0, "15m"), ("10.0.0.3", last - 96, "15m"),
    )  # fmt: skip
    assert described(activity, inventory(h1="srv-1", h2="srv-2", h3="srv-3")) == {
        "10.0.0.1": ("srv-1", True, False, False),
        "10.0.0.2": ("srv-2", False, False, True),
        "10.0.0.3": ("srv-3", False, False, True),
    }


def test_a_non_persistent_machine_is_a_cold_start_with_full_history() -> None:
    activity = rows(("10.0.0.1", 0, "15m"), ("10.0.0.1", 7 * 96 - 1, "15m"))
    assert described(activity, inventory(h1="VDI-17")) == {"10.0.0.1": ("VDI-17", True, True, True)}


def test_the_unknown_have_no_name_and_the_silent_are_cold() -> None:
    activity = rows(("10.0.0.1", 0, "15m"), ("10.0.0.1", 7 * 96 - 1, "15m"))
    assert described(activity, inventory(h2="my-VDI-box")) == {
        "10.0.0.1": (None, True, False, False),
        "10.0.0.2": ("my-VDI-box", False, False, True),
    }


def test_nobody_active_and_nothing_known_is_an_empty_table() -> None:
    assert described(rows(), inventory()) == {}
