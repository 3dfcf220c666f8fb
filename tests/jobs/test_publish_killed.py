"""A job killed at any write leaves the old version or the new one, and running it again completes it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.jobs.job_chain import Project, random_flows

from ndr.contract.datasets import DELTAS, PEER_DELTAS, QUARANTINE
from ndr.contract.time import DAY, Interval, parse_instant
from ndr.store.scan import Scan

DAY_ONE = Interval(parse_instant("2026-01-05"), parse_instant("2026-01-05") + DAY)
WRITES = 5  # three tables, the manifest, _SUCCESS
OLD, NEW = 40, 60


def _publish(root: Path, last_write: int) -> int:
    paths = os.pathsep.join(path for path in sys.path if path)
    return subprocess.run(
        [sys.executable, str(Path(__file__).with_name("publish_victim.py")), str(root), str(last_write)],
        env=os.environ | {"PYTHONPATH": paths},
        check=False,
        timeout=120,
    ).returncode


def _seen(project: Project) -> dict[str, list[dict[str, Any]]]:
    """Return what a reader finds of each table."""
    uri = project.uri("deltas")
    return {
        dataset.name: Scan.of(uri, dataset, DAY_ONE).read().to_pylist() for dataset in (DELTAS, PEER_DELTAS, QUARANTINE)
    }


@pytest.mark.parametrize("killed_at", range(1, WRITES + 1))
def test_a_reader_sees_the_old_version_or_the_new_one(killed_at: int, tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.deliver(DAY_ONE, random_flows(DAY_ONE, OLD, seed=1))
    project.deltas(DAY_ONE)
    old = _seen(project)
    project.deliver(DAY_ONE, random_flows(DAY_ONE, NEW, seed=2))

    assert _publish(tmp_path, killed_at) == -signal.SIGKILL
    between = _seen(project)
    assert _publish(tmp_path, WRITES + 1) == 0
    new = _seen(project)

    assert sum(row["sessions_cnt"] for row in old["deltas"]) == 2 * OLD
    assert sum(row["sessions_cnt"] for row in new["deltas"]) == 2 * NEW
    # The manifest is the commit: before it is put the old version stands, whole; after it the new one does.
    assert between == (old if killed_at <= WRITES - 1 else new)


def test_a_run_counts_its_writes(tmp_path: Path) -> None:
    """The last write there is, is killed; one more there is not: so every write is among those killed above."""
    project = Project(tmp_path)
    project.deliver(DAY_ONE, random_flows(DAY_ONE, OLD, seed=1))
    assert _publish(tmp_path, WRITES) == -signal.SIGKILL
    assert _publish(tmp_path, WRITES + 1) == 0


def test_a_partition_that_never_was_committed_is_no_partition(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.deliver(DAY_ONE, random_flows(DAY_ONE, OLD, seed=1))
    assert _publish(tmp_path, WRITES - 1) == -signal.SIGKILL
    assert Scan.of(project.uri("deltas"), DELTAS, DAY_ONE).pieces == ()
