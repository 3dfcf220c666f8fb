"""The bill, compared with values computed by hand."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ndr.contract.errors import InvalidRequestError
from ndr.local.cli import app
from ndr.local.cost.estimate import Line, Stack, estimate, transitions
from ndr.local.cost.month import Assumptions, hours
from ndr.local.cost.prices import Price, read_prices
from ndr.local.cost.stack import measured_seconds, template_stack
from ndr.local.cost.transitions import machine_transitions, polls, run_pipeline_transitions

ROOT = Path(__file__).parents[2]
RUN_PIPELINE: dict[str, Any] = {
    "StartAt": "Start",
    "States": {
        "Start": {"Type": "Task", "Next": "Describe"},
        "Describe": {"Type": "Task", "Next": "CheckStatus"},
        "CheckStatus": {"Type": "Choice", "Choices": [{"Next": "Succeeded"}, {"Next": "Failed"}], "Default": "Sleep"},
        "Sleep": {"Type": "Wait", "Next": "Describe"},
        "Succeeded": {"Type": "Pass", "End": True},
        "Failed": {"Type": "Fail"},
    },
}
MINI_BATCH: dict[str, Any] = {
    "StartAt": "Plan",
    "States": {"Plan": {"Type": "Task", "Next": "Run"}, "Run": {"Type": "Task", "End": True}},
}
BASELINES: dict[str, Any] = {
    "StartAt": "Plan",
    "States": {
        "Plan": {"Type": "Task", "Next": "What"},
        "What": {"Type": "Choice", "Choices": [{"Next": "Unload"}], "Default": "BuildBaselines"},
        "Unload": {"Type": "Task", "Next": "BuildBaselines"},
        "BuildBaselines": {
            "Type": "Map",
            "ItemProcessor": {
                "StartAt": "Mark",
                "States": {"Mark": {"Type": "Task", "Next": "One"}, "One": {"Type": "Task", "End": True}},
            },
            "End": True,
        },
    },
}
STACK = Stack(
    poll_seconds=15,
    max_poll_seconds=120,
    function_mb=512,
    alarms=7,
    own_key=False,
    definitions={"run_pipeline": RUN_PIPELINE, "mini_batch": MINI_BATCH, "baselines": BASELINES},
)
MEASURED = Assumptions(
    seconds={
        "delta_builder": 30,
        "fg_a_builder": 60,
        "pair_counts_builder": 30,
        "fg_b_builder": 300,
        "machine_inventory_unload": 0,
    }
)


def line(bill: list[Line], what: str) -> Line:
    (found,) = [each for each in bill if each.what.startswith(what)]
    return found


@pytest.mark.parametrize(
    ("seconds", "waits"),
    # Waits of 15, 19, 24, 30, 38, 48, 60, 75, 94, 118, 120, 120 s: together 15, 34, 58, 88, 126, 174, 234, 309, 403
    [(0, 0), (15, 1), (16, 2), (100, 5), (300, 8), (309, 8), (360, 9), (641, 11), (642, 12)],
)
def test_polling_intervals_grow(seconds: float, waits: int) -> None:
    assert polls(seconds, 15, 120) == waits


def test_transitions_of_a_definition() -> None:
    assert run_pipeline_transitions(RUN_PIPELINE, 0) == 4  # Start, Describe, CheckStatus, Succeeded
    assert run_pipeline_transitions(RUN_PIPELINE, 2) == 10  # and twice Sleep, Describe, CheckStatus
    assert machine_transitions(MINI_BATCH) == 2
    assert machine_transitions(BASELINES, {"BuildBaselines": 3}) == 9  # Plan, What, Build, and three times Mark, One


def test_hours_of_a_month() -> None:
    # 2,880 batches of three jobs, a minute of start-up each and 120 s of work: 2880 * 300 s
    assert hours(MEASURED)["mini batches"] == 240
    # 29 nights, 30/7 Mondays and a first, each 60 + 300 s
    assert hours(MEASURED)["baselines"] == pytest.approx((29 + 30 / 7 + 1) / 10)
    assert hours(MEASURED)["inventory"] == pytest.approx(1 / 60)
    twice = Assumptions(instance_count=2, seconds=MEASURED.seconds)
    assert hours(twice)["mini batches"] == 480
    # Nothing measured, 2,000 hosts: three minutes of start-up and 2 * 25 s of work
    assert hours(Assumptions(hosts=2000))["mini batches"] == 2880 * 230 / 3600


def test_transitions_of_a_month() -> None:
    # A batch takes 300 s, so 8 waits: 2 + 4 + 24. A night takes 360 s, so 9: 5 + 4 + 27.
    # The unload takes 60 s, so 4: 1 + 4 + 12. A run for late events that finds none: 3.
    assert transitions(STACK, MEASURED) == pytest.approx(2880 * 30 + (30 + 30 / 7) * 36 + 30 * 3 + 17)


def test_the_bill() -> None:
    changed = {"state_transition": 0.00002, "lambda_gb_second": 0.00001, "s3_gb_month": 0.02, "alarm_month": 0.1}
    table = read_prices()
    units = {**table.units, **{name: Price(amount) for name, amount in changed.items()}}
    prices = replace(table, units=units, processing_hours={"ml.m5.xlarge": Price(0.25)})
    bill = estimate(STACK, MEASURED, prices)
    assert line(bill, "mini batches").cost == 60  # 240 h
    assert line(bill, "state transitions").cost == pytest.approx(1.754826, rel=1e-6)  # 87,741.29 of them
    assert line(bill, "plan_run, time").quantity == pytest.approx((2880 + 2 * 34.285714 + 2 * 30) * 0.5 * 0.5)
    assert line(bill, "365 days kept").cost == pytest.approx(1000 * 365 / 1024 * 0.02)
    assert line(bill, "alarms").cost == pytest.approx(0.7)


def test_a_customer_managed_key_is_billed_if_the_stack_has_one() -> None:
    prices = read_prices()
    assert [each for each in estimate(STACK, MEASURED, prices) if each.service == "KMS"] == []
    key, use = [each for each in estimate(replace(STACK, own_key=True), MEASURED, prices) if each.service == "KMS"]
    assert (key.quantity, key.cost) == (1, 1)
    # Ten for each call of plan_run (2,880 batches, twice 34.29 runs and 30 of LATE) and each job (3 of each batch)
    assert use.quantity == pytest.approx(10 * (2880 + 2 * (30 + 30 / 7 + 30) + 2880 * 3 + 30 + 30 / 7 + 1))
    assert template_stack(ROOT / "template.yaml", {"KmsKeyArn": "arn:aws:kms:us-east-1:1:key/1"}).own_key
    assert not template_stack(ROOT / "template.yaml").own_key


def test_an_instance_without_a_price_is_refused_with_those_that_have_one() -> None:
    with pytest.raises(InvalidRequestError, match=r"no price for 'ml\.x9\.huge'. Write one of ml\.m5\.large, "):
        estimate(STACK, Assumptions(instance_type="ml.x9.huge"), read_prices())


def test_prices_are_dated_and_name_their_sources_or_say_that_they_have_none() -> None:
    prices = read_prices()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", prices.as_of)
    assert prices.region == "us-east-1"
    both = {**prices.units, **prices.processing_hours}
    assert len(both) > 20
    assert all(0 < price.amount < 10 for price in both.values())
    assert all((price.source is None) == (price.seen is None) for price in both.values())
    assert len([price for price in prices.units.values() if price.source]) >= 10


def test_prices_without_a_source_are_named_with_the_estimate(tmp_path: Path) -> None:
    prices = read_prices()
    unverified = {name for name, price in prices.units.items() if price.source is None}
    assert set(prices.unverified("ml.m5.xlarge")) == unverified
    assert set(prices.unverified("ml.r5.xlarge")) == {*unverified, "ml.r5.xlarge"}
    shown = CliRunner().invoke(app, ["cost", "--instance-type", "ml.r5.xlarge", "--directory", str(tmp_path)])
    assert shown.exit_code == 0, shown.output
    assert f"prices looked up on {prices.as_of}" in shown.output
    told = " ".join(shown.output.split()).partition("without a source: ")[2]
    assert {name.strip(" .") for name in told.split(",")} == {*unverified, "ml.r5.xlarge"}


def test_the_estimate_follows_the_template_and_the_parameters_it_was_deployed_with() -> None:
    stack = template_stack(ROOT / "template.yaml")
    assert (stack.poll_seconds, stack.max_poll_seconds, stack.function_mb) == (15, 120, 512)
    assert stack.alarms == (ROOT / "template.yaml").read_text().count("Type: AWS::CloudWatch::Alarm\n")
    assert set(stack.definitions) == {"run_pipeline", "mini_batch", "baselines"}
    deployed = template_stack(ROOT / "template.yaml", {"PollSeconds": "5", "MaxPollSeconds": "60"})
    assert (deployed.poll_seconds, deployed.max_poll_seconds) == (5, 60)


def test_the_month_is_that_of_the_schedules() -> None:
    text = (ROOT / "template.yaml").read_text()
    expressions = set(re.findall(r"ScheduleExpression: (cron.*)", text))
    assert {
        "cron(5/15 * * * ? *)",
        "cron(30 0 2-31 * ? *)",
        "cron(30 2 ? * MON *)",
        "cron(30 0 1 * ? *)",
        "cron(30 4 * * ? *)",
    } == expressions


class Metrics:
    """CloudWatch with the seconds of one job on two days."""

    def get_metric_statistics(self, **request: Any) -> dict[str, Any]:
        job = {one["Name"]: one["Value"] for one in request["Dimensions"]}["job"]
        points = [{"Sum": 30.0, "SampleCount": 1.0}, {"Sum": 30.0, "SampleCount": 5.0}]
        return {"Datapoints": points if job == "fg_a_builder" else []}


def test_measured_seconds_are_the_mean_of_all_runs() -> None:
    assert measured_seconds(Metrics(), "ndr-test", datetime(2026, 2, 1, tzinfo=UTC)) == {"fg_a_builder": 10.0}
