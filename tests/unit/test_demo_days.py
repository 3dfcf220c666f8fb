"""The days and the directory of the demo."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from ndr.contract.errors import InsufficientHistoryError
from ndr.contract.time import DAY, Interval, mini_batch_id
from ndr.local.console.progress import Progress
from ndr.local.demo.memory import process_tree
from ndr.local.demo.run import covered_days, fresh_directory, history_and_last_day
from ndr.local.ingest import IngestedBatch, IngestReport

NOW = datetime(2026, 2, 1, 9, tzinfo=UTC)
MIDNIGHT = datetime(2026, 2, 1, tzinfo=UTC)


def report(days_ago: list[int]) -> IngestReport:
    """Return a report of daily batches of ten rows each. 0 days ago is today."""
    starts = [MIDNIGHT - days * DAY for days in days_ago]
    intervals = [Interval(start, start + DAY) for start in starts]
    batches = [IngestedBatch(mini_batch_id(each), each, 10, f"file:///{each.start}", False) for each in intervals]
    return IngestReport((), tuple(batches), None)


def covered(days_ago: list[int]) -> tuple[Interval, str]:
    output = io.StringIO()
    return covered_days(report(days_ago), NOW, Progress(Console(file=output, width=200))), output.getvalue()


@given(st.lists(st.integers(1, 400), min_size=1, max_size=20, unique=True))
def test_batch_spans_all_days_that_are_over(days_ago: list[int]) -> None:
    interval, said = covered(days_ago)
    assert interval == Interval(MIDNIGHT - max(days_ago) * DAY, MIDNIGHT - (min(days_ago) - 1) * DAY)
    assert said == ""


def test_day_that_is_not_over_is_skipped_and_reported() -> None:
    interval, said = covered([2, 1, 0])
    assert interval == Interval(MIDNIGHT - 2 * DAY, MIDNIGHT)
    assert "10 connections since 2026-02-01T00:00:00Z are skipped" in said


def test_only_today_is_too_little() -> None:
    with pytest.raises(InsufficientHistoryError, match="no connection of a day that is over"):
        covered([0])


def test_fresh_directory_keeps_caches_and_drops_old_traffic(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "traffic").mkdir()
    (tmp_path / "traffic" / "conn.log").write_text("old")
    assert fresh_directory(tmp_path) == tmp_path
    assert (tmp_path / "cache").is_dir()
    assert not (tmp_path / "traffic").exists()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system has no /proc")
def test_process_tree_holds_what_was_started() -> None:
    import os
    import subprocess
    import sys

    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert set(process_tree(os.getpid())) >= {os.getpid(), child.pid}
        child.kill()
    assert child.pid not in process_tree(os.getpid())


def test_the_last_day_is_scored_and_the_days_before_are_its_history() -> None:
    nine_days = Interval(MIDNIGHT - 9 * DAY, MIDNIGHT)
    assert history_and_last_day(nine_days) == (
        Interval(MIDNIGHT - 9 * DAY, MIDNIGHT - DAY),
        Interval(MIDNIGHT - DAY, MIDNIGHT),
    )


def test_a_single_day_has_no_history() -> None:
    one_day = Interval(MIDNIGHT - DAY, MIDNIGHT)
    assert history_and_last_day(one_day) == (one_day, None)
