"""Some of `make faults`, and that its checker finds what it is there to find."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.faults.published import BROKEN, Verdict, versions

LAST_LINE = re.compile(r"(\d+) faults, (\d+) kinds, (\d+) lost, (\d+) mixed, (\d+) hanging")


def _faults(*options: str) -> tuple[int, list[int], str]:
    """Run in a process of its own: jobs are forked, which a process with threads must not do."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", *options],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    last = LAST_LINE.fullmatch(done.stdout.splitlines()[-1] if done.stdout else "")
    assert last, done.stderr[-3000:]
    return done.returncode, [int(number) for number in last.groups()], done.stdout


@pytest.mark.parametrize(("job", "writes"), [("delta_builder", 5), ("pair_counts_builder", 3)])
def test_a_killed_job_leaves_the_old_version_or_the_new_one(job: str, writes: int) -> None:
    code, sums, said = _faults("--job", job, "--fault", "killed", "--fault", "torn")
    assert sums == [2 * writes + 2, 2, 0, 0, 0], said
    assert code == 0


def test_a_full_disk_and_a_wrong_clock_leave_the_old_version_or_the_new_one() -> None:
    code, (faults, kinds, *bad), said = _faults(
        "--job", "pair_counts_builder", "--fault", "disk-full", "--fault", "clock", "--fault", "two-at-once"
    )
    assert (code, kinds, bad) == (0, 3, [0, 0, 0]), said
    assert faults >= 10


def test_a_volume_that_is_full_for_real_leaves_the_old_version_or_the_new_one() -> None:
    code, (faults, kinds, *bad), said = _faults("--job", "pair_counts_builder", "--fault", "volume-full")
    assert (code, bad) == (0, [0, 0, 0]), said
    assert kinds == 1 or "not run: a full volume" in said
    assert faults >= 2 * kinds


def test_runs_that_meet_around_a_lease_are_never_both_published() -> None:
    code, sums, said = _faults("--part", "leases", "--lease-job", "pair_counts_builder", "--lease-job", "fg_b_builder")
    assert (code, sums) == (0, [14, 3, 0, 0, 0]), said


def test_a_publisher_that_writes_its_manifest_first_is_caught() -> None:
    code, (_, _, _, mixed, _), said = _faults("--job", "delta_builder", "--fault", "killed", "--broken-publisher")
    assert code == 1
    assert mixed >= 3, said
    assert "deltas-00000.parquet: FileNotFoundError" in said


OLD, NEW = {"a": "1", "b": "1"}, {"a": "2", "b": "2", "c": "2"}


@pytest.mark.parametrize(
    ("found", "lost", "mixed"),
    [
        (OLD, 0, 0),
        (NEW, 0, 0),
        ({"a": "1", "b": "2"}, 0, 0),
        ({"a": "3", "b": "1"}, 0, 1),
        ({"a": f"{BROKEN}x", "b": "1"}, 0, 1),
        ({"b": "1"}, 1, 0),
    ],
)
def test_after_a_fault_a_partition_is_old_or_new(found: dict[str, str], lost: int, mixed: int) -> None:
    verdict = Verdict()
    verdict.after_fault("x", found, OLD, NEW)
    assert (len(verdict.lost), len(verdict.mixed)) == (lost, mixed)


@pytest.mark.parametrize(("found", "lost", "mixed"), [(NEW, 0, 0), (OLD, 1, 2), ({}, 3, 0)])
def test_after_a_further_run_every_partition_is_new(found: dict[str, str], lost: int, mixed: int) -> None:
    verdict = Verdict()
    verdict.after_rerun("x", found, NEW)
    assert (len(verdict.lost), len(verdict.mixed)) == (lost, mixed)


def test_a_version_is_its_values(tmp_path: Path) -> None:
    def publish(name: str, values: list[int], rows: int | None = None) -> str:
        folder = tmp_path / name / "p"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"a": values}), folder / f"{name}.parquet")
        file = {"path": f"{name}.parquet", "rows": 1, "bytes": (folder / f"{name}.parquet").stat().st_size}
        table = {"rows": len(values) if rows is None else rows, "files": [file]}
        (folder / "_manifest.json").write_text(json.dumps({"tables": {"t": table}}))
        return versions(tmp_path / name)["p"]

    assert publish("one", [1, 2]) == publish("same", [1, 2])
    assert publish("other", [1, 3]) != publish("more", [1, 2, 3])
    assert publish("short", [1, 2], rows=3).startswith(BROKEN)
