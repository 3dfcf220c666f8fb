"""Three instances on this machine, each at a loopback address of its own, one of which loses its worker in mid-job."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pyarrow as pa
import pytest
from tests.jobs.job_chain import Project, random_flows, spelled

from ndr.contract.datasets import FG_A
from ndr.contract.time import DAY, Interval, parse_instant
from ndr.store.scan import Scan

START = parse_instant("2026-01-05")
DAYS = Interval(START, START + 2 * DAY)
DEADLINE = 300.0
SCRIPT = Path(__file__).with_name("cluster_instance.py")


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux has the whole of 127.0.0.0/8 as loopback addresses.")
def test_a_worker_killed_in_mid_job_changes_nothing(tmp_path: Path, java: None) -> None:
    project = Project(tmp_path / "ndr-test")
    for number, day in enumerate(DAYS.steps(DAY)):
        project.deliver(day, random_flows(day, 400, seed=number))
    project.deltas(DAYS)
    project.fg_a(DAYS)
    expected = _rows(project)
    assert expected.num_rows > 1000
    shutil.rmtree(project.root / "fg_a")

    with _instances(tmp_path, project) as instances:
        _await_first_file(project, instances)
        assert not list((project.root / "fg_a").rglob("_manifest.json")), "the job was over before the worker died"
        _kill_worker(instances[2])
        codes = [instance.wait(timeout=DEADLINE) for instance in instances]

    said = [(tmp_path / f"instance{number}.log").read_text() for number in range(3)]
    assert codes == [0, 0, 0], said
    assert "The Spark worker ended with -9; starting it again." in said[2]
    assert _rows(project).equals(expected)


def _rows(project: Project) -> pa.Table:
    return Scan.of(project.uri("fg_a"), FG_A, DAYS).read().sort_by([(name, "ascending") for name in FG_A.key])


@contextmanager
def _instances(folder: Path, project: Project) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Start the instances of the job; those that are left at the end are killed."""
    # Another run of this test on this machine has other addresses, and so the ports to itself.
    network = f"127.{random.randint(1, 254)}.{random.randint(0, 254)}"
    names = [f"{network}.{number}" for number in (2, 3, 4)]
    instances = []
    try:
        for number, name in enumerate(names):
            opt_ml = folder / f"opt_ml{number}"
            (opt_ml / "config").mkdir(parents=True)
            (opt_ml / "config" / "resourceconfig.json").write_text(json.dumps({"current_host": name, "hosts": names}))
            environment = os.environ | {
                "NDR_OPT_ML": str(opt_ml),
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                "SPARK_WORKER_CORES": "1",
                "SPARK_EXECUTOR_MEMORY": "512m",
                "SPARK_DRIVER_MEMORY": "512m",
            }
            with (folder / f"instance{number}.log").open("wb") as log:
                command = [
                    sys.executable,
                    str(Path(__file__).with_name("cluster_instance.py")),
                    str(project.root),
                    *spelled(DAYS),
                ]
                instances.append(
                    subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
                )
        yield instances
    finally:
        for instance in instances:
            _kill([*_descendants(instance), instance])
            instance.wait()


def _descendants(instance: subprocess.Popen[bytes]) -> list[psutil.Process]:
    try:
        return psutil.Process(instance.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _await_first_file(project: Project, instances: list[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not list((project.root / "fg_a").rglob("*.parquet")):
        assert time.monotonic() < deadline
        assert all(instance.poll() is None for instance in instances)
        time.sleep(0.01)


def _kill_worker(instance: subprocess.Popen[bytes]) -> None:
    """Kill the worker with its executor and that one's Python processes, as a machine that stops would."""
    children = psutil.Process(instance.pid).children()
    (worker,) = [child for child in children if "org.apache.spark.deploy.worker.Worker" in child.cmdline()]
    _kill([worker, *worker.children(recursive=True)])


def _kill(processes: Iterable[psutil.Process | subprocess.Popen[bytes]]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):  # it may end on its own meanwhile
            process.kill()
