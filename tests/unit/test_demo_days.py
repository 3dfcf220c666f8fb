"""The days and the directory of the demo."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from ndr.contract.errors import InsufficientHistoryError
from ndr.contract.time import DAY, Interval, mini_batch_id
from ndr.local.cli import app
from ndr.local.console.progress import Progress
from ndr.local.demo.memory import process_tree
from ndr.local.demo.run import covered_days, fresh_directory, history_and_last_day
from ndr.local.demo.traffic import Traffic, given_traffic
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


def write_flows(folder: Path, starts: list[datetime]) -> None:
    folder.mkdir()
    flows = [
        {
            **{"source_ip": "10.0.0.1", "source_port": 50000, "destination_ip": "10.0.0.2", "destination_port": 443},
            **{"event_start": start.isoformat(), "event_end": start.isoformat(), "event_action": "allow"},
        }
        for start in starts
    ]
    (folder / "flows.json").write_text("".join(f"{json.dumps(flow)}\n" for flow in flows))


def test_a_folder_of_today_only_is_refused_before_anything_is_deployed(tmp_path: Path) -> None:
    logs, account = tmp_path / "logs", tmp_path / "account"
    write_flows(logs, [MIDNIGHT + timedelta(hours=2), MIDNIGHT + timedelta(hours=1)])
    told = (
        rf"The logs in {logs} hold 2 connections, the first at 2026-02-01T01:00:00Z, and none of a UTC day that is over"
        r": .* Add logs of days before 2026-02-01 to the folder, .* or leave --traffic out"
    )
    with pytest.raises(InsufficientHistoryError, match=told):
        given_traffic(logs, account, 35, now=NOW)
    assert not account.exists()


def test_a_folder_with_one_connection_of_yesterday_is_taken(tmp_path: Path) -> None:
    write_flows(tmp_path / "logs", [MIDNIGHT + timedelta(hours=1), MIDNIGHT - timedelta(microseconds=1)])
    assert given_traffic(tmp_path / "logs", tmp_path / "account", 35, now=NOW) == Traffic(tmp_path / "logs", None)


def test_the_command_says_so_too(tmp_path: Path) -> None:
    write_flows(tmp_path / "logs", [datetime.now(UTC)])
    arguments = ["demo", "--traffic", str(tmp_path / "logs"), "--directory", str(tmp_path / "account")]
    refused = CliRunner().invoke(app, arguments)
    assert refused.exit_code == 1
    assert "InsufficientHistoryError: The logs in" in refused.output
    assert not (tmp_path / "account").exists()


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
