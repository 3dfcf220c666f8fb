from __future__ import annotations

from pathlib import Path

from tests.jobs.job_chain import Project

from ndr.jobs.entry import on_instances
from ndr.jobs.run import Run
from ndr.spark.instances import Instances


def test_a_local_job_on_several_instances_runs_once(tmp_path: Path) -> None:
    project = Project(tmp_path, {"delta_builder": {"engine": "local"}})
    ran: list[tuple[str, object]] = []
    for current in ("algo-1", "algo-2"):

        def job(run: Run, current: str = current) -> None:
            ran.append((current, run.spark))

        on_instances(project.run("delta_builder"), job, Instances(("algo-1", "algo-2"), current))
    assert ran == [("algo-1", None)]


def test_a_job_without_an_engine_runs_on_the_first_instance(tmp_path: Path) -> None:
    ran: list[str] = []
    run = Project(tmp_path).run("machine_inventory_unload")
    for current in ("algo-1", "algo-2"):
        on_instances(run, lambda run, current=current: ran.append(current), Instances(("algo-1", "algo-2"), current))  # type: ignore[misc]
    assert ran == ["algo-1"]
