"""A job killed at any write leaves each table with the old version or the new one, and the next run catches up."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from pyiceberg.exceptions import NoSuchTableError
from tests.jobs.iceberg_tables import catalog, sqlite_catalog
from tests.jobs.tables_victim import DATABASE, register_all, slices

from ndr.contract.datasets import PAIR_COUNTS
from ndr.contract.manifest import Owner
from ndr.store.scan import Scan
from ndr.store.unregistered import unregistered
from ndr.tables.slices import Slices

ALL = slices(0, 6)
POINTS = 100
WORK = ["0 1 publish", "1 2 publish", "0 4 publish", "2 3 publish", "0 6 compact", "1 3 publish"]
Rows = dict[tuple[str, datetime], int]


@contextmanager
def victim(prefix: str) -> Iterator[subprocess.Popen[str]]:
    paths = os.pathsep.join(path for path in sys.path if path)
    command = [sys.executable, str(Path(__file__).with_name("tables_victim.py")), prefix]
    environment, pipe = os.environ | {"PYTHONPATH": paths}, subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True) as process:
        yield process
        assert process.stdin
        process.stdin.close()
        assert process.wait(60) == 0


def told(process: subprocess.Popen[str], line: str) -> str:
    assert process.stdin
    assert process.stdout
    process.stdin.write(f"{line}\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def in_table() -> Rows:
    try:
        found = catalog().load_table((DATABASE, "pair_counts")).scan().to_arrow().to_pylist()
    except NoSuchTableError:
        return {}
    rows = {(row["src_ip"], row["slice_start"]): row["sessions_cnt"] for row in found}
    assert len(rows) == len(found), "two versions answer for one slice"
    return rows


def published(prefix: str) -> Rows:
    found = Scan.of(prefix, PAIR_COUNTS, ALL).read().to_pylist()
    return {(row["src_ip"], row["slice_start"]): row["sessions_cnt"] for row in found}


def test_a_table_has_the_old_version_or_the_new_one_and_the_next_run_catches_up(tmp_path: Path) -> None:
    os.environ.update(sqlite_catalog(tmp_path))
    prefix = f"{tmp_path.as_uri()}/pair_counts/"
    dataset = Slices("pair_counts", prefix, (PAIR_COUNTS,), Owner("p", "v1"))
    numbers, killed, events = itertools.count(1), Counter[str](), dict.fromkeys(WORK, 0)
    before: Rows = {}
    with victim(prefix) as process:
        for work in itertools.cycle(WORK):
            step, events[work] = work.replace("publish", str(next(numbers))), events[work] + 1
            outcome = told(process, f"{step} {events[work]}")
            assert in_table() in (before, published(prefix)), f"a mix after event {events[work]} of {step}"
            if outcome == "killed":
                killed[work] += 1
            else:
                events[work] = 0  # it has no more
            if killed.total() == POINTS:
                break
            register_all(prefix)
            before = in_table()
            assert before == published(prefix), f"not caught up after event {events[work]} of {step}"
            assert not [each for each in unregistered(prefix) if dataset.is_published(each)]
    assert min(killed.values()) > 10, killed
