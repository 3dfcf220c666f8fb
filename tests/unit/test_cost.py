"""The bill, compared with values computed by hand."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ndr.contract.errors import InvalidRequestError
from ndr.contract.fifteen_minutes import BATCH_MINUTES, ONE_STEP, SCORED_BATCH_JOBS, THREE_STEPS
from ndr.local.cli import app
from ndr.local.cost.batch_work import FLOWS_PER_HOST_DAY, SECONDS
from ndr.local.cost.choices import choices
from ndr.local.cost.containers import containers
from ndr.local.cost.estimate import Line, Stack, estimate, transitions
from ndr.local.cost.month import Assumptions, hours
from ndr.local.cost.prices import Price, read_prices
from ndr.local.cost.stack import deployed_parameters, measured_seconds, minutes_until_started, template_stack
from ndr.local.cost.transitions import (
    idle_transitions,
    machine_transitions,
    polls,
    run_pipeline_transitions,
    wait_transitions,
)
from ndr.planner.requests import MiniBatchRequest, parse_request

ROOT = Path(__file__).parents[2]
RUN_PIPELINE: dict[str, Any] = {
    "StartAt": "Start",
    "States": {
        "Start": {"Type": "Task", "Next": "Describe"},
        "Describe": {"Type": "Task", "Next": "CheckStatus"},
        "CheckStatus": {"Type": "Choice", "Choices": [{"Next": "TakeEvents"}, {"Next": "Failed"}], "Default": "Sleep"},
        "Sleep": {"Type": "Wait", "Next": "Describe"},
        "TakeEvents": {"Type": "Task", "Next": "HasEvents"},
        "HasEvents": {"Type": "Choice", "Choices": [{"Next": "PutEvents"}], "Default": "PipelineSucceeded"},
        "PutEvents": {"Type": "Task", "Next": "TakeEvents"},
        "PipelineSucceeded": {"Type": "Pass", "End": True},
        "Failed": {"Type": "Fail"},
    },
}
MINI_BATCH: dict[str, Any] = {
    "StartAt": "Plan",
    "States": {
        "Plan": {"Type": "Task", "Next": "IsDryRun"},
        "IsDryRun": {"Type": "Choice", "Choices": [{"Next": "Fail"}, {"Next": "PlanOnly"}], "Default": "MustWait"},
        "PlanOnly": {"Type": "Pass", "End": True},
        "MustWait": {"Type": "Choice", "Choices": [{"Next": "Wait"}], "Default": "Run"},
        "Wait": {"Type": "Wait", "Next": "Plan"},
        "Run": {"Type": "Task", "End": True},
        "Fail": {"Type": "Fail"},
    },
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
    pipeline=THREE_STEPS,
    batch_minutes=15,
    schedule_minutes=5,
    poll_seconds=15,
    max_poll_seconds=120,
    function_mb=512,
    alarms=7,
    own_key=False,
    on_arrival=False,
    quiet_seconds=60,
    has_tables=True,
    definitions={"run_pipeline": RUN_PIPELINE, "mini_batch": MINI_BATCH, "baselines": BASELINES},
)
MEASURED = Assumptions(
    start_up_seconds=60,
    seconds={"fg_b_builder": 300, "machine_inventory_unload": 0, "compaction": 0, "report": 20},
    has_scores=False,
)
WORK = {"delta_builder": 30.0, "fg_a_builder": 60.0, "pair_counts_builder": 40.0, "fg_c_builder": 50.0}


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> None:
    """The jobs of a batch take WORK, whatever the batch holds."""
    monkeypatch.setattr("ndr.local.cost.batch_work.SECONDS", {job: (each, 0.0) for job, each in WORK.items()})


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
    # Start, Describe, CheckStatus, TakeEvents, HasEvents, PipelineSucceeded
    assert run_pipeline_transitions(RUN_PIPELINE, 0) == 6
    assert run_pipeline_transitions(RUN_PIPELINE, 2) == 12  # and twice Sleep, Describe, CheckStatus
    assert run_pipeline_transitions(RUN_PIPELINE, 0, puts=2) == 12  # and twice PutEvents, TakeEvents, HasEvents
    assert machine_transitions(MINI_BATCH) == 4  # Plan, IsDryRun, MustWait, Run
    assert wait_transitions(MINI_BATCH) == 4  # Wait, Plan, IsDryRun, MustWait
    assert idle_transitions(MINI_BATCH) == 3  # Plan, IsDryRun, PlanOnly
    assert machine_transitions(BASELINES, {"BuildBaselines": 3}) == 9  # Plan, What, Build, and three times Mark, One


@pytest.mark.usefixtures("work")
def test_hours_of_a_month() -> None:
    # 2,880 batches of three jobs, a minute of start-up each and 130 s of work: 2880 * 310 s
    assert hours(MEASURED)["mini batches"] == 248
    # and the fourth job: 2,880 times a start-up and 50 s
    scored = replace(MEASURED, has_scores=True)
    assert hours(scored)["mini batches"] == 248 + 88
    assert hours(replace(scored, pipeline=ONE_STEP))["mini batches"] == 152 + 40  # it pays for no start-up there
    # One start-up of each batch: 2880 * 190 s; a quarter of the batches
    assert hours(replace(MEASURED, pipeline=ONE_STEP))["mini batches"] == 152
    assert hours(replace(MEASURED, pipeline=ONE_STEP, batch_minutes=60))["mini batches"] == 38
    # 29 nights, 30/7 Mondays and a first, each 60 + 300 s
    assert hours(MEASURED)["baselines"] == pytest.approx((29 + 30 / 7 + 1) / 10)
    assert hours(MEASURED)["inventory"] == pytest.approx(1 / 60)
    assert hours(MEASURED)["compaction"] == pytest.approx(30 / 60)  # daily, a minute of start-up
    assert hours(MEASURED)["report"] == pytest.approx(30 * 80 / 3600)  # the same, and its 20 s
    assert hours(replace(MEASURED, instance_count=2))["mini batches"] == 496


def test_work_follows_the_hosts_and_the_flows_of_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ndr.local.cost.batch_work.SECONDS", {"delta_builder": (4.0, 10.0)})
    # A day of 96 slices holds 9.6 million flows, so a slice 100,000: a tenth of ten seconds
    measured = Assumptions(hosts=2000, flows_per_day=9_600_000)
    assert measured.work == {"delta_builder": pytest.approx(9)}
    assert replace(measured, batch_minutes=60).work == {"delta_builder": pytest.approx(12)}
    assert Assumptions(hosts=2000).flows_a_day == 2000 * FLOWS_PER_HOST_DAY


def test_work_is_what_the_benchmark_measured_rounded_up() -> None:
    results = json.loads((ROOT / "benchmarks/results/mini_batch.json").read_text())
    fitted = {each["job"]: each for each in results if "seconds_per_million_flows" in each}
    assert set(fitted) == set(SECONDS) == {each.job for each in SCORED_BATCH_JOBS}
    for job, (each_1000_hosts, million) in SECONDS.items():
        found = fitted[job]
        assert found["seconds_per_1000_hosts"] <= each_1000_hosts <= 2 * found["seconds_per_1000_hosts"] + 1
        assert found["seconds_per_million_flows"] <= million <= 2 * found["seconds_per_million_flows"] + 5


def test_seconds_of_a_batch_are_those_of_its_longest_path() -> None:
    three, one = containers(THREE_STEPS, has_scores=False), containers(ONE_STEP, has_scores=False)
    assert (three.seconds(WORK, 100), one.seconds(WORK, 100)) == (2 * 100 + 30 + 60, 100 + 130)
    assert (three.billed_seconds(WORK, 100), one.billed_seconds(WORK, 100)) == (430, 230)
    # FG-C waits for FG-A and pair counts: a start-up in a row more
    four, one = containers(THREE_STEPS, has_scores=True), containers(ONE_STEP, has_scores=True)
    assert (four.seconds(WORK, 100), one.seconds(WORK, 100)) == (3 * 100 + 30 + 60 + 50, 100 + 180)
    assert (four.billed_seconds(WORK, 100), one.billed_seconds(WORK, 100)) == (580, 280)


@pytest.mark.usefixtures("work")
def test_every_pipeline_batch_length_and_start_beside_each_other() -> None:
    found = {
        (each.pipeline, each.has_scores, each.on_arrival, each.batch_minutes): each
        for each in choices(STACK, MEASURED, read_prices())
    }
    assert set(found) == set(product((THREE_STEPS, ONE_STEP), (False, True), (False, True), BATCH_MINUTES))
    # The schedule's 5 minutes, half a second of planning, and two start-ups with 90 s of work: 3, 5.5 or 8 minutes each
    least, mean, most = found[THREE_STEPS, False, False, 15].minutes
    assert (least, mean, most) == pytest.approx([5 + 0.5 / 60 + 2 * each + 1.5 for each in (3, 5.5, 8)])
    # FG-C waits for one more start-up, and works for 50 s
    assert found[THREE_STEPS, True, False, 15].minutes == pytest.approx(
        [5 + 0.5 / 60 + 3 * each + 1.5 + 50 / 60 for each in (3, 5.5, 8)]
    )
    # An arrival waits for a minute without files in place of the schedule, and plans once more
    assert found[THREE_STEPS, False, True, 15].minutes == pytest.approx(
        [each - 4 + 0.5 / 60 for each in (least, mean, most)]
    )
    # The first slice of an hour waits 45 minutes for its end, the mean slice half of that.
    assert found[THREE_STEPS, False, False, 60].minutes == pytest.approx((least, mean + 22.5, most + 45))
    for pipeline, has_scores, on_arrival in product((THREE_STEPS, ONE_STEP), (False, True), (False, True)):
        costs = [found[pipeline, has_scores, on_arrival, minutes].dollars for minutes in BATCH_MINUTES]
        assert costs == sorted(costs, reverse=True)
        assert all(shortest < longest for shortest, longest in costs)
        assert (
            found[THREE_STEPS, has_scores, on_arrival, 15].minutes > found[ONE_STEP, has_scores, on_arrival, 15].minutes
        )
        assert found[pipeline, True, on_arrival, 15].dollars > found[pipeline, False, on_arrival, 15].dollars
        assert found[pipeline, has_scores, True, 15].dollars > found[pipeline, has_scores, False, 15].dollars
    shortest = replace(MEASURED, start_up_seconds=180)
    bill = sum(line.cost for line in estimate(STACK, shortest, read_prices()))
    assert found[THREE_STEPS, False, False, 15].dollars[0] == pytest.approx(bill)


@pytest.mark.usefixtures("work")
def test_transitions_of_a_month() -> None:
    # A batch takes 210 s (two start-ups, 30 and 60 s), so 7 waits, and sends events: 4 + 6 + 21 + 3. A night takes
    # 360 s, so 9: 5 + 6 + 27 + 3. The unload takes 60 s, so 4, and sends none: 1 + 6 + 12. The compaction and the
    # report take 140 s, so 6, of each run for late events: 3 + 1 + 6 + 18.
    of_a_month = 2880 * 34 + (30 + 30 / 7) * 41 + 30 * 28 + 19
    assert transitions(STACK, MEASURED) == pytest.approx(of_a_month)
    # Each batch is waited for twice. Of 10 files a slice 9 start nothing, nor does the schedule after them.
    on_arrival = replace(MEASURED, on_arrival=True)
    assert transitions(STACK, on_arrival) == pytest.approx(of_a_month + 2880 * (2 * 4 + 10 * 3))
    of_hours = transitions(STACK, replace(MEASURED, batch_minutes=60))
    assert transitions(STACK, replace(on_arrival, batch_minutes=60)) == pytest.approx(of_hours + 720 * (2 * 4 + 40 * 3))


@pytest.mark.usefixtures("work")
def test_the_bill() -> None:
    changed = {"state_transition": 0.00002, "lambda_gb_second": 0.00001, "s3_gb_month": 0.02, "alarm_month": 0.1}
    table = read_prices()
    units = {**table.units, **{name: Price(amount) for name, amount in changed.items()}}
    prices = replace(table, units=units, processing_hours={"ml.m5.xlarge": Price(0.25)})
    bill = estimate(STACK, MEASURED, prices)
    assert line(bill, "mini batches").cost == 62  # 248 h
    assert line(bill, "state transitions").cost == pytest.approx(2.003694, rel=1e-6)  # 100,184.71 of them
    # Plan and report of each machine, and the events of each pipeline: twice where there are some, and once for the 30
    # compactions and the unload.
    assert line(bill, "plan_run, time").quantity == pytest.approx((4 * 2914.285714 + 2 * 30 + 31) * 0.5 * 0.5)
    assert line(bill, "events of publications").quantity == pytest.approx(3 * 2880 + 34.285714)
    # The claim of a batch, and of each job a lease and an event; a baseline has a row of its own
    assert line(bill, "ledger written").quantity == pytest.approx(2880 * (2 + 3 * 5) + 34.285714 * (2 + 5))
    # Five tables of each batch and each compacted day, six of a baseline, one inventory
    assert line(bill, "tables").quantity == pytest.approx(4 * (5 * 2910 + 6 * 34.285714 + 1))
    assert line(bill, "deliveries listed").quantity == 2 * 2880
    assert line(bill, "365 days kept").cost == pytest.approx(1000 * 365 / 1024 * 0.02)
    assert line(bill, "alarms").cost == pytest.approx(0.7)


def test_what_arrivals_scores_and_tables_add_to_the_bill() -> None:
    prices = read_prices()

    def quantities(stack: Stack, assumed: Assumptions) -> dict[str, float]:
        return {each.what: each.quantity for each in estimate(stack, assumed, prices)}

    usual = quantities(STACK, MEASURED)
    arrivals = quantities(STACK, replace(MEASURED, on_arrival=True, files_a_slice=4))
    assert arrivals["files that arrive"] == 4 * 2880
    # Three of four files and the schedule start an execution with one plan, and the fourth plans after two waits
    assert arrivals["plan_run, requests"] == usual["plan_run, requests"] + 2880 * (3 + 1 + 2)
    assert arrivals["deliveries listed"] == usual["deliveries listed"] + 2880 * (3 + 1 + 2) * 2
    assert arrivals["ledger written"] == usual["ledger written"] + 2880 * 2
    assert arrivals["traces"] == usual["traces"] + 2880 * 4
    scored = quantities(STACK, replace(MEASURED, has_scores=True))
    assert scored["events of publications"] == usual["events of publications"] + 2880
    assert scored["tables"] == usual["tables"] + 4 * 3 * 2910
    assert scored["objects written"] == usual["objects written"] + 2880 * 8 + 4 * 3 * 2910
    without = quantities(replace(STACK, has_tables=False), MEASURED)
    assert set(usual) - set(without) == {"tables"}
    assert without["objects written"] < usual["objects written"]


def test_a_customer_managed_key_is_billed_if_the_stack_has_one() -> None:
    prices = read_prices()
    assert [each for each in estimate(STACK, MEASURED, prices) if each.service == "KMS"] == []
    key, use = [each for each in estimate(replace(STACK, own_key=True), MEASURED, prices) if each.service == "KMS"]
    assert (key.quantity, key.cost) == (1, 1)
    # Ten for each call of plan_run (four of each batch and baseline run, three of LATE, one of the unload) and each job
    # (3 of each batch, one of each night and two of each day)
    runs = 30 + 30 / 7
    assert use.quantity == pytest.approx(10 * (4 * (2880 + runs) + 3 * 30 + 1 + 2880 * 3 + runs + 60 + 1))
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
    assert (stack.pipeline, stack.batch_minutes, stack.schedule_minutes) == (THREE_STEPS, 15, 5)
    assert (stack.on_arrival, stack.quiet_seconds, stack.has_tables) == (False, 60, True)
    arriving = {"StartOnArrival": "true", "ArrivalQuietSeconds": "30", "TablesDatabase": ""}
    other = template_stack(ROOT / "template.yaml", arriving)
    assert (other.on_arrival, other.quiet_seconds, other.has_tables) == (True, 30, False)
    # As the machines are: a file that starts nothing has 3 transitions, and a wait adds 4
    assert idle_transitions(stack.definitions["mini_batch"]) == 3
    assert wait_transitions(stack.definitions["mini_batch"]) == 4
    chosen = {"FifteenMinutePipeline": ONE_STEP, "BatchMinutes": "60", "SettleMinutes": "6"}
    other = template_stack(ROOT / "template.yaml", chosen)
    assert (other.pipeline, other.batch_minutes, other.schedule_minutes) == (ONE_STEP, 60, 65)


@pytest.mark.parametrize(
    ("schedule", "batch", "settle", "minutes"),
    [
        ("cron(5/15 * * * ? *)", 15, 0, 5),
        ("cron(5/15 * * * ? *)", 15, 5, 5),
        ("cron(5/15 * * * ? *)", 15, 6, 20),
        ("cron(5/30 * * * ? *)", 30, 40, 65),
        ("cron(5 * * * ? *)", 60, 0, 5),
    ],
)
def test_a_batch_is_started_by_the_first_schedule_after_it_has_settled(
    schedule: str, batch: int, settle: int, minutes: int
) -> None:
    assert minutes_until_started(schedule, batch, settle) == minutes
    end, project = datetime(2026, 2, 1, 3, tzinfo=UTC), {"project_name": "p", "feature_spec_version": "v1"}
    length, asked = timedelta(minutes=batch), {"batch_minutes": batch, "settle_minutes": settle}
    start = end + timedelta(minutes=minutes)
    for now, taken in ((start, end), (start - length, end - length)):  # and the start before takes the batch before
        assert parse_request(MiniBatchRequest, asked, now, project).batch(now).end == taken


class Deployed:
    """A deployment on this machine, whose stack polls quickly."""

    def client(self, _: str) -> Any:
        return self

    def describe_stacks(self, **_: str) -> dict[str, Any]:
        given = {"PollSeconds": "1", "MaxPollSeconds": "2", "BatchMinutes": "30"}
        parameters = [{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()]
        return {"Stacks": [{"Parameters": parameters}]}


def test_the_polling_of_this_machine_is_not_taken_for_that_of_aws() -> None:
    deployed: Any = Deployed()
    stack = template_stack(ROOT / "template.yaml", deployed_parameters(deployed))
    assert (stack.poll_seconds, stack.max_poll_seconds, stack.batch_minutes) == (15, 120, 30)


def test_the_month_is_that_of_the_schedules() -> None:
    text = (ROOT / "template.yaml").read_text()
    (mini_batches,) = re.findall(r'"15": \{ Schedule: "(cron.*?)"', text)
    assert mini_batches == "cron(5/15 * * * ? *)"
    expressions = set(re.findall(r"ScheduleExpression: (cron.*)", text))
    assert {
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
        return {"Datapoints": points if job == "fg_b_builder" else []}


def test_measured_seconds_are_the_mean_of_all_runs() -> None:
    assert measured_seconds(Metrics(), "ndr-test", datetime(2026, 2, 1, tzinfo=UTC)) == {"fg_b_builder": 10.0}
