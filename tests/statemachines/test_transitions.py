"""The transitions that a month's cost counts, against the states that real executions entered."""

from __future__ import annotations

from tests.statemachines.machines import Machines

from ndr.local.cost.transitions import machine_transitions, run_pipeline_transitions


def test_run_pipeline_enters_what_is_counted(machines: Machines) -> None:
    run = machines.run("run_pipeline", {"pipeline_name": "ndr-steerable", "parameters": {"Behaviour": "succeed"}})
    assert run.status == "SUCCEEDED", run.cause
    looks = run.entered().count("WaitForNextPoll")
    assert looks > 0
    assert run_pipeline_transitions(machines.definition("run_pipeline"), looks) == len(run.entered())


def test_mini_batch_enters_what_is_counted(machines: Machines) -> None:
    run = machines.run("mini_batch", {"project_name": "lucky", "batch_start": "2026-01-02", "batch_end": "2026-01-03"})
    assert run.status == "SUCCEEDED", run.cause
    assert machine_transitions(machines.definition("mini_batch")) == len(run.entered())


def test_baselines_enters_what_is_counted_for_each_window(machines: Machines) -> None:
    # Days that no other test builds: what the ledger knows of them would be left out of the plan.
    request = {"mode": "BACKFILL", "start": "2025-06-02", "end": "2025-06-06", "window_days": 2, "horizon": "7d"}
    run = machines.run("baselines", {"project_name": "lucky", "reprocess": "completed", **request})
    assert run.status == "SUCCEEDED", run.cause
    assert machine_transitions(machines.definition("baselines"), {"BuildBaselines": 2}) == len(run.entered())
