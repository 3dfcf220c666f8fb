"""Horizons are written once: one more row of the table is accepted everywhere, and what must be decided is named."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.template import RESOURCES, ROOT, of_type

from ndr.contract.horizons import ALL_HORIZONS, HORIZON_CHOICES, HORIZONS, choice_of, labels_of

FOLDERS = ("contract", "lambdas", "pipeline_defs", "spark_jobs", "local")
ROW = '    Horizon("30d", timedelta(days=30), "weekly", safety_gap=2),\n'

PROBE = """
import json
from datetime import UTC, datetime
from ndr.contract import horizons
from ndr.contract.datasets import FG_B_IP_METADATA
from ndr.contract.jobspecs.fg_b_builder import Cadences, SafetyGaps
from ndr.jobs.fg_b.targets import backfill_targets, regular_targets
from ndr.local.commands.backfill import backfill
from ndr.pipeline.sagemaker_pipeline_definitions_fg_b import build_fg_b_baseline_pipeline
from ndr.planner.baselines import baseline_targets
from ndr.planner.requests import BaselinesRequest, parse_request

now = datetime(2026, 3, 1, tzinfo=UTC)
asked = {"mode": "BACKFILL", "horizon": "14d", "start": "2026-01-01", "end": "2026-02-01"}
request = parse_request(BaselinesRequest, asked, now, {"project_name": "p", "feature_spec_version": "v1"})
default, chosen = Cadences(), Cadences(**{"14d": "weekly"})
spec = type("Spec", (), {"cadence": chosen})
pipeline = build_fg_b_baseline_pipeline("arn:aws:iam::111122223333:role/r", "eu-west-1", "bucket")
(enum,) = [each.enum_values for each in pipeline.parameters if each.name == "BaselineHorizon"]
print(json.dumps({
    "file": horizons.__file__,
    "request": request.horizons,
    "plan": len(baseline_targets(request, spec, now)["14d"]),
    "spec": [default.of("14d"), chosen.of("14d")],
    "gap": SafetyGaps().of("14d").days,
    "regular": [target.horizon for target in regular_targets("both", "2026-02-01")],
    "backfill": len(backfill_targets("14d", "2026-01-01", "2026-02-01", chosen)),
    "enum": enum,
    "column": FG_B_IP_METADATA.columns[1].meaning,
    "cli": str(backfill.__annotations__["horizon"]) + horizons.choices_sentence(),
}))
"""


def test_a_row_in_the_table_is_enough_for_request_planner_job_pipeline_docs_and_command_line(tmp_path: Path) -> None:
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder / "ndr", tmp_path / folder / "ndr", ignore=shutil.ignore_patterns("__pycache__"))
    table = tmp_path / "contract/ndr/contract/horizons.py"
    assert ROW in table.read_text()
    table.write_text(
        table.read_text().replace(ROW, '    Horizon("14d", timedelta(days=14), "daily", safety_gap=3),\n' + ROW)
    )
    path = ":".join(str(tmp_path / folder) for folder in FOLDERS)
    environment = {
        "PYTHONPATH": path,
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    done = subprocess.run([sys.executable, "-c", PROBE], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found.pop("file") == str(table)
    assert "7d, 14d, 30d or both" in found.pop("cli")
    assert found == {
        "request": ["14d"],
        "plan": 4,
        "spec": ["daily", "weekly"],
        "gap": 3,
        "regular": ["7d", "14d", "30d"],
        "backfill": 4,
        "enum": ["7d", "14d", "30d", "both"],
        "column": "7d, 14d or 30d",
    }


def undecided(labels: Iterable[str]) -> list[str]:
    """Name what the template says nothing about: a horizon is scheduled, watched by an alarm, and drawn."""
    schedules = [json.loads(item["Target"]["Input"]) for item in of_type("AWS::Scheduler::Schedule").values()]
    # The monthly run builds every horizon, but once a month: a horizon needs a schedule of its own.
    scheduled = {asked["horizon"] for asked in schedules if asked.get("horizon", ALL_HORIZONS) != ALL_HORIZONS}
    alarms = of_type("AWS::CloudWatch::Alarm").values()
    watched = {each["Value"] for alarm in alarms for each in alarm.get("Dimensions", []) if each["Name"] == "horizon"}
    drawn = set(re.findall(r'"horizon", "(\w+)"', RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"][0]))
    places = {"a schedule": scheduled, "an alarm": watched, "the dashboard": drawn}
    return [
        f"horizon {label} is without {place} in template.yaml: decide whether it needs one"
        for label in labels
        for place, mentioned in places.items()
        if label not in mentioned
    ]


def test_every_horizon_has_a_schedule_an_alarm_and_a_place_on_the_dashboard() -> None:
    assert undecided(HORIZONS) == []


def test_what_the_template_lacks_for_a_new_horizon_is_named() -> None:
    assert undecided(["14d"]) == [
        "horizon 14d is without a schedule in template.yaml: decide whether it needs one",
        "horizon 14d is without an alarm in template.yaml: decide whether it needs one",
        "horizon 14d is without the dashboard in template.yaml: decide whether it needs one",
    ]


@pytest.mark.parametrize("choice", HORIZON_CHOICES)
def test_a_choice_names_its_labels_and_the_labels_their_choice(choice: str) -> None:
    assert choice_of(labels_of(choice)) == choice
    assert set(labels_of(choice)) <= set(HORIZONS)


def test_other_words_name_nothing() -> None:
    assert labels_of("9d") == ()
    assert choice_of(()) is None
