"""The three machines, executed by the account: what each scenario starts, answers, tells people and leaves behind."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from boto3.dynamodb.conditions import Key
from tests.published_events import check_event
from tests.statemachines.definition import MACHINES, all_states
from tests.statemachines.machines import Machines, Run, edges_taken, every_edge
from tests.statemachines.pipelines import PARAMETER_DEFAULT
from tests.statemachines.recorded import Recorded, recorded
from tests.statemachines.scenarios import Scenarios
from tests.statemachines.second_opinion import differences, executed, retried_errors, with_failures

from ministack_sagemaker.lifecycle import Account
from ndr.contract.events import events_series
from ndr.contract.ledger import ledger_key
from ndr.contract.time import DAY, day_text, floor_to, format_instant, parse_instant
from ndr.planner.limits import history_events

POLL = ["DescribePipelineExecution", "CheckStatus", "WaitForNextPoll"]


def parameters_of(account: Account, run: Run) -> dict[str, str]:
    """The parameters of the pipeline execution that a run started."""
    sagemaker = account.client("sagemaker")
    arn = run.output["pipeline_execution_arn"]
    listed = sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)["PipelineParameters"]
    return {parameter["Name"]: parameter["Value"] for parameter in listed}


@pytest.mark.parametrize("machine", MACHINES)
def test_every_state_and_every_way_between_them_was_taken(
    scenarios: Scenarios, machines: Machines, machine: str
) -> None:
    definition = machines.definition(machine)
    runs = [run for name, run in scenarios.runs.values() if name == machine and run.status != "ABORTED"]
    entered = {name for run in runs for name in run.entered()}
    taken = set().union(*(edges_taken(definition, run) for run in runs))
    print(
        f"{machine}: {len(entered)} of {len(all_states(definition))} states, {len(taken)} of "
        f"{len(every_edge(definition))} ways: catches, choices, defaults and nexts"
    )
    assert entered == set(all_states(definition))
    assert taken == every_edge(definition)


# run_pipeline


def test_a_pipeline_is_polled_to_its_end_in_three_transitions_a_poll(scenarios: Scenarios, account: Account) -> None:
    run = scenarios["succeeds"]
    assert run.status == "SUCCEEDED"
    assert run.output["pipeline_name"] == "ndr-steerable"
    assert run.output["status"] == "Succeeded"
    assert parameters_of(account, run)["Behaviour"] == "succeed"
    entered = run.entered()
    assert entered[:3] == ["Prepare", "FollowOrStart", "StartPipelineExecution"]
    assert entered[-5:-2] == ["DescribePipelineExecution", "CheckStatus", "TakeEvents"]
    assert entered[-2:] == ["HasEvents", "PipelineSucceeded"]
    polls = entered[3:-5]
    assert len(polls) >= 3
    assert polls == POLL * (len(polls) // 3)


@pytest.mark.parametrize(
    ("scenario", "image"),
    [
        ("succeeds", PARAMETER_DEFAULT),
        ("one instance", PARAMETER_DEFAULT),
        ("instances", "123456789012.dkr.ecr.us-east-1.amazonaws.com/ndr-processing:spark"),
        ("instances, image", "own:3"),
    ],
)
def test_several_instances_run_the_image_with_spark_unless_the_caller_names_one(
    scenarios: Scenarios, account: Account, scenario: str, image: str
) -> None:
    run = scenarios[scenario]
    assert run.status == "SUCCEEDED"
    assert parameters_of(account, run)["ProcessingImageUri"] == image


def test_a_failure_names_step_reason_and_log(scenarios: Scenarios) -> None:
    run = scenarios["fails"]
    assert (run.status, run.error) == ("FAILED", "PipelineFailedError")
    assert run.cause is not None
    assert run.cause.startswith(
        "Pipeline ndr-steerable ended as Failed in step OnlyStep: The project is unlucky. Log: "
    )
    assert "console.aws.amazon.com/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/" in run.cause


def test_a_run_past_its_deadline_is_stopped_and_explained(scenarios: Scenarios, account: Account) -> None:
    run = scenarios["overruns"]
    assert run.error == "PipelineFailedError"
    assert run.cause is not None
    assert run.cause.startswith("Pipeline ndr-steerable ran longer than 1 s and was stopped")
    assert run.entered()[-3:] == ["StopPipelineExecution", "ExplainStop", "PipelineFailed"]
    stopped = account.client("sagemaker").list_pipeline_executions(PipelineName="ndr-steerable", MaxResults=100)
    statuses = {item["PipelineExecutionStatus"] for item in stopped["PipelineExecutionSummaries"]}
    assert "Stopped" in statuses or "Stopping" in statuses


@pytest.mark.parametrize(
    ("scenario", "error", "cause"),
    [
        (
            "absent",
            "PipelineFailedError",
            r"Pipeline ndr-absent is not registered .* the function machines-Upsert",
        ),
        (
            "misparametrised",
            "PipelineFailedError",
            r"Pipeline ndr-steerable could not be started: SageMaker.SageMakerExc",
        ),
        ("nameless", "States.QueryEvaluationError", r'pipeline_name is missing; write {"pipeline_name": "ndr-15m'),
        (
            "unexplained",
            "PipelineFailedError",
            r"Pipeline ndr-steerable ended as Failed; the reason could not be read \(",
        ),
        (
            "unexplained overrun",
            "PipelineFailedError",
            r"Pipeline ndr-steerable ran longer than 1 s and was stopped. Exec",
        ),
        ("unseen", "PipelineFailedError", r"may still run, but its status could not be read: SageMaker\.AccessDenied"),
        ("unstoppable", "PipelineFailedError", r"longer than 1 s and could not be stopped: SageMaker\.AccessDenied"),
    ],
)
def test_every_other_failure_is_a_sentence_too(scenarios: Scenarios, scenario: str, error: str, cause: str) -> None:
    run = scenarios[scenario]
    assert (run.status, run.error) == ("FAILED", error)
    assert run.cause is not None
    assert re.search(cause, run.cause)


@pytest.mark.parametrize(
    ("scenario", "state", "errors"),
    [
        ("throttled", "StartPipelineExecution", ["SageMaker.ThrottlingException"] * 3),
        ("throttled", "DescribePipelineExecution", ["SageMaker.ThrottlingException"] * 3),
        ("late to appear", "DescribePipelineExecution", ["SageMaker.ResourceNotFoundException"] * 2),
        ("crowded out", "StartPipelineExecution", ["SageMaker.ResourceLimitExceededException"] * 2),
    ],
)
def test_what_can_pass_is_retried(scenarios: Scenarios, scenario: str, state: str, errors: list[str]) -> None:
    assert scenarios[scenario].status == "SUCCEEDED"
    assert scenarios[scenario].errors_in(state) == errors


def test_a_token_finds_what_it_started_and_starts_afresh_what_failed(scenarios: Scenarios) -> None:
    first, mended, again = (scenarios[f"token, {name}"] for name in ("first", "mended", "again"))
    assert first.cause is not None
    assert "The flag is not there." in first.cause
    assert first.entered().count("StartPipelineExecution") == 1
    assert mended.entered().count("StartPipelineExecution") == 2  # the failed one of before, then a new one
    assert again.entered().count("StartPipelineExecution") == 2
    assert again.output["pipeline_execution_arn"] == mended.output["pipeline_execution_arn"]


def test_an_execution_that_is_named_is_followed_and_one_that_failed_before_gives_way_to_a_new_one(
    scenarios: Scenarios, account: Account
) -> None:
    followed, replaced = scenarios["followed"], scenarios["followed, failed before"]
    assert "StartPipelineExecution" not in followed.entered()
    assert followed.entered()[:3] == ["Prepare", "FollowOrStart", "DescribePipelineExecution"]
    assert followed.status == "SUCCEEDED"
    assert replaced.entered()[:3] == followed.entered()[:3]
    assert replaced.entered().count("StartPipelineExecution") == 1
    assert replaced.status == "SUCCEEDED"
    assert parameters_of(account, replaced)["Behaviour"] == "succeed"


def _sent(scenarios: Scenarios, project: str) -> list[dict[str, Any]]:
    return [event for event in scenarios.events if event["detail"]["project_name"] == project]


def test_each_event_that_waits_is_sent_once_ten_at_a_time(
    scenarios: Scenarios, account: Account, stack: dict[str, str]
) -> None:
    run, sent = scenarios["events"], _sent(scenarios, "told")
    assert run.status == "SUCCEEDED"
    rounds = ["TakeEvents", "HasEvents", "PutEvents"] * 2
    assert run.entered()[-9:] == [*rounds, "TakeEvents", "HasEvents", "PipelineSucceeded"]
    assert sorted(event["detail"]["run_id"] for event in sent) == sorted(f"run-{number:02}" for number in range(12))
    for event in sent:
        assert (event["source"], event["resources"]) == ("ndr.pipelines", [run.output["pipeline_execution_arn"]])
        check_event(event)
    assert _waiting(account, stack, "told") == []


def test_what_a_failed_pipeline_published_is_told_too(scenarios: Scenarios) -> None:
    assert scenarios["events, failed"].status == "FAILED"
    assert len(_sent(scenarios, "doomed")) == 1


def test_events_that_are_not_sent_fail_nothing_are_counted_and_are_sent_after_the_next_pipeline(
    scenarios: Scenarios, account: Account, stack: dict[str, str]
) -> None:
    unsent, later = scenarios["events, unsent"], scenarios["events, sent later"]
    assert (unsent.status, later.status) == ("SUCCEEDED", "SUCCEEDED")
    assert unsent.errors_in("PutEvents")[-1] == "EventBridge.AccessDeniedException"
    assert unsent.entered()[-4:] == ["PutEvents", "TakeEvents", "HasEvents", "PipelineSucceeded"]
    assert len(_sent(scenarios, "unsent")) == 2
    assert _waiting(account, stack, "unsent") == []
    assert scenarios["events refused"].status == "SUCCEEDED"
    assert _sent(scenarios, "refused") == []
    assert ["holder" in item for item in _waiting(account, stack, "refused")] == [False, False]
    assert scenarios["events not taken"].status == "SUCCEEDED"
    assert len(_waiting(account, stack, "untaken")) == 1
    assert total(account, "ndr", "EventsNotSent", project="lucky", service="plan_run") == 2 + 2


def _waiting(account: Account, stack: dict[str, str], project: str) -> list[dict[str, Any]]:
    table = account.table(stack["LedgerTableName"])
    return list(table.query(KeyConditionExpression=Key("series").eq(events_series(project, "v1")))["Items"])


# baselines


def test_a_dry_run_plans_and_starts_nothing(scenarios: Scenarios) -> None:
    run = scenarios["dry"]
    assert run.entered() == ["Plan", "IsDryRun", "PlanOnly"]
    assert run.output["message"] == "8 baselines of lucky v1 to build in 1 pipeline execution."
    assert run.output["runs"][0]["parameters"]["BaselineHorizon"] == "both"


def test_the_nightly_run_builds_the_baseline_of_last_midnight(scenarios: Scenarios, account: Account) -> None:
    run = scenarios["nightly"]
    assert run.status == "SUCCEEDED"
    assert {name: run.output[name] for name in ("built", "failed", "skipped")} == {
        "built": 1,
        "failed": [],
        "skipped": [],
    }
    assert run.output["message"].startswith("1 baseline built. ")
    started = _fg_b_parameters(account, ProjectName="lucky", BaselineHorizon="7d")
    midnight = format_instant(floor_to(run.history[0]["timestamp"].astimezone(UTC), DAY))
    assert {item["BaselineMode"] for item in started if item["BaselineEndTsIso"] == midnight} == {"REGULAR"}
    assert (started[0]["BackfillStartTsIso"], started[0]["BackfillEndTsIso"]) == ("none", "none")


def test_the_monthly_run_unloads_the_inventory_before_it_builds(scenarios: Scenarios, account: Account) -> None:
    run = scenarios["monthly"]
    assert run.status == "SUCCEEDED"
    assert run.entered() == [
        "Plan",
        "IsDryRun",
        "BuildBatches",
        "NeedsCompaction",
        "NeedsInventory",
        "UnloadInventory",
        "BuildBaselines",
        "BuildChunk",
        "Report",
        "DidAllSucceed",
        "Done",
    ]
    unloads = _parameters_of_all(account, "ndr-machine-inventory-unload")
    assert {"ProjectName": "lucky", "FeatureSpecVersion": "v1", "ReferenceMonthIso": "2026-02"} in unloads
    (built,) = _fg_b_parameters(account, BaselineEndTsIso="2026-02-01T00:00:00Z")
    assert built["BaselineHorizon"] == "both"


def test_without_the_inventory_nothing_is_built(scenarios: Scenarios, account: Account) -> None:
    run = scenarios["no inventory"]
    assert run.error == "PipelineFailedError"
    assert run.cause is not None
    assert run.cause.startswith("The machine inventory was not unloaded, so no baseline was built. Pipeline ndr")
    assert "The project is unlucky." in run.cause
    assert _fg_b_parameters(account, ProjectName="unlucky") == []


def test_a_failed_window_is_reported_and_marked_and_the_others_are_built(
    scenarios: Scenarios, account: Account, stack: dict[str, str]
) -> None:
    run = scenarios["partly"]
    assert run.error == "PipelineFailedError"
    assert run.cause is not None
    assert run.cause.startswith("1 of 3 chunks failed; 6 baselines built. First: 7d 2026-01-11T00:00:00Z 2026-01-12")
    assert "No slice of 2026-01-11 is published." in run.cause
    assert run.cause.endswith("start the same request again: what is completed is skipped.")
    windows = [item["BackfillStartTsIso"][:10] for item in _fg_b_parameters(account, ProjectName="partly")]
    assert sorted(windows) == ["2026-01-05", "2026-01-08", "2026-01-11"]
    # The one baseline of that window had been completed before: its mark stays.
    assert _ledger(account, stack, "partly") == {"2026-01-11": "completed"}


def test_what_is_built_is_not_built_again(scenarios: Scenarios, account: Account) -> None:
    run = scenarios["built"]
    assert run.entered() == [
        *("Plan", "IsDryRun", "BuildBatches", "NeedsCompaction", "NeedsInventory"),
        *("BuildBaselines", "Report", "DidAllSucceed", "Done"),
    ]
    assert run.output["built"] == 0
    assert run.output["skipped"] == [
        {
            "horizon": "7d",
            "status": "completed",
            "first": "2026-01-05T00:00:00Z",
            "last": "2026-01-11T00:00:00Z",
            "count": 7,
        }
    ]
    assert '7 are completed and skipped; write "reprocess": "completed" to build them.' in run.output["message"]
    assert _fg_b_parameters(account, ProjectName="built") == []


# mini_batch


def test_a_mini_batch_runs_the_batch_it_was_told(scenarios: Scenarios, account: Account) -> None:
    run = scenarios["batch"]
    assert run.status == "SUCCEEDED"
    assert parameters_of(account, run) == {
        "ProjectName": "lucky",
        "FeatureSpecVersion": "v1",
        "MiniBatchId": "20260105T000000Z-PT1440M",
        "BatchStartTsIso": "2026-01-05T00:00:00Z",
        "BatchEndTsIso": "2026-01-06T00:00:00Z",
    }
    last = parameters_of(account, scenarios["last slice"])
    assert parse_instant(last["BatchEndTsIso"]) - parse_instant(last["BatchStartTsIso"]) == timedelta(minutes=15)
    assert scenarios["dry batch"].entered() == ["Plan", "IsDryRun", "PlanOnly"]


def test_a_file_that_starts_no_batch_ends_the_execution_and_the_output_says_why(scenarios: Scenarios) -> None:
    run = scenarios["arrived elsewhere"]
    assert (run.status, run.entered()) == ("SUCCEEDED", ["Plan", "IsDryRun", "PlanOnly"])
    assert run.output["skipped"] == "not a batch"
    assert run.output["message"].startswith("s3://elsewhere/part-0.json arrived: it is not below s3://ndr-data/lucky/")


def test_one_batch_started_twice_at_once_runs_once_and_its_claim_is_released(
    scenarios: Scenarios, account: Account, stack: dict[str, str]
) -> None:
    twins = [scenarios["twin 0"], scenarios["twin 1"]]
    assert [twin.status for twin in twins] == ["SUCCEEDED", "SUCCEEDED"], [twin.cause for twin in twins]
    assert len({twin.output["pipeline_execution_arn"] for twin in twins}) == 1
    started = [item for item in _parameters_of_all(account, "ndr-15m-pipeline") if item["ProjectName"] == "left-twins"]
    assert len(started) == 1
    items = account.client("dynamodb").scan(TableName=stack["LedgerTableName"])["Items"]
    assert "left-twins#v1#mini_batch" not in {item["series"]["S"] for item in items}


def test_a_batch_whose_files_changed_while_it_ran_is_run_again_after_it(scenarios: Scenarios, account: Account) -> None:
    first, again = scenarios["files, first"], scenarios["files, again"]
    assert (first.status, again.status) == ("SUCCEEDED", "SUCCEEDED"), (first.cause, again.cause)
    assert first.output["pipeline_execution_arn"] != again.output["pipeline_execution_arn"]
    started = [item for item in _parameters_of_all(account, "ndr-15m-pipeline") if item["ProjectName"] == "left-files"]
    assert [item["MiniBatchId"] for item in started] == ["20260105T000000Z-PT1440M"] * 2
    assert again.entered()[:6] == ["Plan", "IsDryRun", "MustWait", "WaitForOther", "Plan", "IsDryRun"]


# what goes on after a failure


def test_what_somebody_holds_is_left_to_him_and_named(scenarios: Scenarios, account: Account) -> None:
    run = scenarios["held"]
    assert (run.status, run.output["built"]) == ("SUCCEEDED", 5)
    (item,) = run.output["skipped"]
    assert (item["status"], item["first"], item["count"]) == ("in_progress", "2026-01-07T00:00:00Z", 2)
    assert "held by a job started by hand until 2999-01-01T00:00:00Z" in run.output["message"]
    ranges = {
        (item["BackfillStartTsIso"][8:10], item["BackfillEndTsIso"][8:10])
        for item in _fg_b_parameters(account, ProjectName="held")
    }
    assert ranges == {("05", "07"), ("09", "12")}


def test_an_aborted_execution_takes_along_those_that_it_waits_for(scenarios: Scenarios, machines: Machines) -> None:
    pages = machines.states.get_paginator("list_executions").paginate(stateMachineArn=machines.arns["run_pipeline"])
    statuses = {item["executionArn"]: item["status"] for page in pages for item in page["executions"]}
    inputs = [
        json.loads(machines.states.describe_execution(executionArn=arn)["input"])
        for arn, status in statuses.items()
        if status == "ABORTED"
    ]
    parents = [given.get("AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID") for given in inputs]
    left = [scenarios[f"left {what}, aborted"].arn for what in ("windows", "windows", "inventory", "fill", "batch")]
    assert sorted(filter(None, parents)) == sorted(left)
    assert "RUNNING" not in statuses.values()


def test_work_that_an_aborted_execution_left_is_followed_and_named(scenarios: Scenarios, account: Account) -> None:
    """Its pipeline executions go on: of the baselines, of the inventory, of a fill, of a mini-batch."""
    for name, pipelines in {
        "left windows": {"ndr-fg-b-baseline-pipeline": 2},
        "left inventory": {"ndr-machine-inventory-unload": 1, "ndr-fg-b-baseline-pipeline": 1},
        "left fill": {"ndr-15m-pipeline": 1, "ndr-fg-b-baseline-pipeline": 1},
        "left batch": {"ndr-15m-pipeline": 1},
    }.items():
        aborted, dry, again = (scenarios[f"{name}, {word}"] for word in ("aborted", "dry", "again"))
        assert aborted.status == "ABORTED"
        assert again.status == "SUCCEEDED", (name, again.cause)
        for run in (dry, again):
            assert re.search(r"by arn:.*; this execution follows (it|them)\.", run.output["message"]), name
        project = name.replace(" ", "-")
        for pipeline, count in pipelines.items():
            started = [item for item in _parameters_of_all(account, pipeline) if item["ProjectName"] == project]
            assert len(started) == count, (name, pipeline, started)


def test_a_redriven_execution_plans_again_and_builds_what_is_not_built(scenarios: Scenarios) -> None:
    run = scenarios["redriven"]
    assert run.status == "SUCCEEDED"
    assert run.entered().count("Plan") == 2
    # The small job does not tell the ledger what it builds, where the first attempt left its marks.
    assert run.entered()[-4:] == ["Report", "DidAllSucceed", "NotifyNothingBuilt", "Done"]
    assert "7 were left to other executions, which did not finish them" in run.output["message"]
    assert scenarios["redriven batch"].status == "SUCCEEDED"
    assert scenarios["redriven batch"].entered() == [
        *("Plan", "IsDryRun", "MustWait", "RunMiniBatch", "ReleaseClaim", "DidSucceed"),
        *("NotifyFailure", "RaiseFailure"),
        *("Plan", "IsDryRun", "MustWait", "RunMiniBatch", "Report", "ReleaseClaim", "DidSucceed", "Done"),
    ]


def test_a_horizon_without_history_is_noted_and_not_run(
    scenarios: Scenarios, account: Account, stack: dict[str, str]
) -> None:
    run = scenarios["short"]
    assert (run.status, run.error) == ("FAILED", "InsufficientHistoryError"), run.cause
    assert run.cause is not None
    assert "BuildChunk" not in run.entered()
    assert run.cause.startswith(
        "The baselines of this run were not built: 30d 2026-01-12T00:00:00Z (insufficient_history)."
    )
    assert "30d ending 2026-01-12T00:00:00Z: 0.0 of 30 days are published (0%)" in run.cause
    key = ledger_key("gappy", "v1", "fg_b", "30d", parse_instant("2026-01-12"))
    found = account.client("dynamodb").get_item(
        TableName=stack["LedgerTableName"], Key={name: {"S": value} for name, value in key.items()}
    )["Item"]
    assert found["status"] == {"S": "insufficient_history"}
    assert found["reason"]["S"].startswith("30d ending 2026-01-12T00:00:00Z: 0.0 of 30 days")


@pytest.mark.parametrize("scenario", ["nothing", "untold nothing"])
def test_a_backfill_that_builds_nothing_says_so_in_its_output_and_by_one_message(
    scenarios: Scenarios, scenario: str
) -> None:
    run = scenarios[scenario]
    assert (run.status, run.output["built"], run.output["warning"]) == ("SUCCEEDED", 0, "NothingBuilt")
    (item,) = run.output["skipped"]
    assert (item["horizon"], item["status"]) == ("30d", "insufficient_history")
    told = [message for message in scenarios.messages if run.arn in message["Message"]]
    assert [message["Subject"] for message in told] == (
        ["NDR baselines: NothingBuilt"] if scenario == "nothing" else []
    )


@pytest.mark.parametrize("scenario", ["empty", "untold empty"])
def test_a_batch_that_publishes_nothing_says_so_in_its_output_and_by_one_message(
    scenarios: Scenarios, stack: dict[str, str], scenario: str
) -> None:
    run = scenarios[scenario]
    assert (run.status, run.output["warning"], run.output["rows"]) == ("SUCCEEDED", "NothingBuilt", None)
    assert f"Nothing is published below s3://{stack['DataBucketName']}/slices/v1/deltas" in run.output["message"]
    told = [message for message in scenarios.messages if run.arn in message["Message"]]
    assert [message["Subject"] for message in told] == (["NDR mini batch: NothingBuilt"] if scenario == "empty" else [])


def test_a_batch_that_cannot_be_reported_on_was_run_all_the_same(scenarios: Scenarios) -> None:
    run = scenarios["unreported batch"]
    assert (run.status, run.output["warning"]) == ("SUCCEEDED", None)
    assert run.output["message"].endswith("What was published could not be read (ValidationError).")


def test_missing_features_are_built_before_the_baselines_or_nothing_is(scenarios: Scenarios, account: Account) -> None:
    run = scenarios["filled"]
    assert (run.status, run.output["built"]) == ("SUCCEEDED", 1)
    (filled,) = [item for item in _parameters_of_all(account, "ndr-15m-pipeline") if item["ProjectName"] == "gappy"]
    assert (filled["BatchStartTsIso"], filled["BatchEndTsIso"]) == ("2026-01-05T00:00:00Z", "2026-01-12T00:00:00Z")
    assert filled["MiniBatchId"] == "rebuild-20260105T000000Z-PT10080M"
    assert scenarios["unfilled"].error == "PipelineFailedError"
    assert "BuildBaselines" not in scenarios["unfilled"].entered()


def test_late_data_is_built_in_and_what_reaches_over_it_is_stale(
    scenarios: Scenarios, account: Account, stack: dict[str, str]
) -> None:
    run = scenarios["late"]
    assert run.status == "SUCCEEDED"
    assert (
        "1 folder holds files that are not in what is published. 1 batch is built again: [" in (run.output["message"])
    )
    assert "1 baseline of 7d is stale (" in run.output["message"]
    assert 'to build them now write {"mode": "BACKFILL", "horizon": "7d", "start": "' in run.output["message"]
    (rebuilt,) = [item for item in _parameters_of_all(account, "ndr-15m-pipeline") if item["ProjectName"] == "tardy"]
    assert rebuilt["MiniBatchId"].startswith("rebuild-")
    items = account.client("dynamodb").scan(TableName=stack["LedgerTableName"])["Items"]
    (marked,) = [item for item in items if item["series"]["S"].startswith("tardy#")]
    assert marked["stale_since"]["S"] > marked["claimed_at"]["S"]


def test_days_of_slices_are_compacted_after_what_was_late(scenarios: Scenarios, account: Account) -> None:
    run = scenarios["compacted"]
    assert (run.status, run.cause) == ("SUCCEEDED", None)
    assert run.entered()[2:6] == ["BuildBatches", "NeedsCompaction", "CompactDays", "NeedsInventory"]
    (first, last) = (floor_to(datetime.now(UTC), DAY) - days * DAY for days in (4, 2))
    assert f"2 days are compacted: {day_text(first)} to {day_text(last)}." in run.output["message"]
    started = [item for item in _parameters_of_all(account, "ndr-compaction") if item["ProjectName"] == "slices"]
    assert started == [
        {
            "ProjectName": "slices",
            "FeatureSpecVersion": "v1",
            "DayStartTsIso": format_instant(first),
            "DayEndTsIso": format_instant(last + DAY),
        }
    ]


@pytest.mark.parametrize("scenario", ["compaction fails", "untold compaction"])
def test_a_failed_compaction_is_named_and_fails_nothing(scenarios: Scenarios, scenario: str) -> None:
    run = scenarios[scenario]
    assert run.status == "SUCCEEDED"
    failure = "The compaction failed, and the next LATE does it: Pipeline ndr-compaction ended as Failed"
    assert failure in run.output["message"]
    assert "The project is unlucky." in run.output["message"]
    told = [message["Message"] for message in scenarios.messages if run.arn in message["Message"]]
    assert [message.startswith(failure) for message in told] == ([True] if scenario == "compaction fails" else [])


def test_no_execution_writes_more_history_than_was_computed(scenarios: Scenarios) -> None:
    for name, windows in (("partly", 3), ("redriven", 2 * 3), ("monthly", 1), ("held", 2)):
        assert len(scenarios[name].history) <= history_events(windows)


def test_a_regular_run_builds_stale_baselines_of_its_horizon_too(scenarios: Scenarios, account: Account) -> None:
    run = scenarios["changed"]
    assert (run.status, run.output["built"]) == ("SUCCEEDED", 2), run.cause
    ends = [item["BaselineEndTsIso"] for item in _fg_b_parameters(account, ProjectName="changed")]
    assert sorted(ends) == ["2026-02-08T00:00:00Z", "2026-02-10T00:00:00Z"]


# what people are told


@pytest.mark.parametrize(
    ("scenario", "error", "words"),
    [
        ("refused", "InvalidRequestError", "mode: Input should be 'REGULAR', 'BACKFILL' or 'LATE' (found 'BACKFIL')."),
        ("short", "InsufficientHistoryError", "The baselines of this run were not built: 30d 2026-01-12"),
        ("unknown project", "JobSpecNotFoundError", "holds no JobSpec of project 'nobody', version 'v1'"),
        ("no inventory", "PipelineFailedError", "The machine inventory was not unloaded"),
        ("partly", "PipelineFailedError", "1 of 3 chunks failed"),
        ("unreported", "PipelineFailedError", "0 of 1 failed, but what was built could not be read from the ledger"),
        ("unfilled", "PipelineFailedError", "Missing features could not be built, so no baseline was built. Pipeline"),
        ("batch refused", "InvalidRequestError", "batch_end is missing"),
        ("batch fails", "PipelineFailedError", "of unlucky: [20"),
    ],
)
def test_a_failure_is_named_and_told_once(scenarios: Scenarios, scenario: str, error: str, words: str) -> None:
    run = scenarios[scenario]
    assert (run.status, run.error) == ("FAILED", error)
    assert run.cause is not None
    assert words in run.cause
    told = [message for message in scenarios.messages if run.arn in message["Message"]]
    assert len(told) == 1
    assert told[0]["Message"].startswith(f"{run.cause}\n\nExecution: {run.arn}\nInput: {{")
    assert run.cause[0] not in "{[", "the cause is the sentence itself"
    assert told[0]["Subject"].endswith(error)


def total(account: Account, namespace: str, name: str, **dimensions: str) -> float:
    """The sum of a metric over the last hours."""
    now = datetime.now(UTC)
    points = account.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=now - timedelta(hours=3),
        EndTime=now + timedelta(minutes=5),
        Period=60,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(point["Sum"] for point in points))


def test_a_refused_request_a_failed_execution_and_a_bug_are_told_apart_in_metrics(
    account: Account, stack: dict[str, str], scenarios: Scenarios
) -> None:
    of_function = {"service": "plan_run", "project": "lucky"}  # the stack's, whichever project was asked for
    for kind, names in {"baselines": ["refused", "untold"], "mini_batch": ["batch refused", "untold batch"]}.items():
        assert {scenarios[name].error for name in names} == {"InvalidRequestError"}
        dimensions = {**of_function, "kind": kind, "error": "InvalidRequestError"}
        assert total(account, "ndr", "RequestsRefused", **dimensions) == len(names)
    errors = [run.error for machine, run in scenarios.runs.values() if machine != "run_pipeline"]
    for error in ("PipelineFailedError", "InsufficientHistoryError", "ValidationError"):
        failed = total(account, "ndr", "ExecutionsFailed", **of_function, error=error)
        assert failed == errors.count(error) > 0, error
    assert total(account, "ndr", "ExecutionsFailed", **of_function, error="InvalidRequestError") == 0
    # Only what is a bug counts as an error of the function, which the alarm watches.
    bugs = ["bug", "bug, batch", "unreported", "unreported batch", "events not taken"]
    assert total(account, "AWS/Lambda", "Errors", FunctionName=stack["PlanRunFunctionName"]) == len(bugs)


@pytest.mark.parametrize("scenario", ["bug", "bug, batch"])
def test_a_bug_fails_under_its_own_name_with_its_sentence(scenarios: Scenarios, scenario: str) -> None:
    run = scenarios[scenario]
    assert (run.status, run.error) == ("FAILED", "ValidationError")
    assert run.cause is not None
    assert run.cause.startswith("1 validation error for ")
    assert "stackTrace" not in run.cause


def _warning(run: Run) -> str | None:
    return run.output.get("warning") if isinstance(run.output, dict) else None


def test_only_failures_and_warnings_are_told(scenarios: Scenarios) -> None:
    failed = {run.arn for name, run in scenarios.runs.values() if name != "run_pipeline" and run.status == "FAILED"}
    untold = {scenarios["untold"].arn, scenarios["untold batch"].arn}
    named = {re.search(r"Execution: (\S+)", message["Message"])[1] for message in scenarios.messages}  # type: ignore[index]
    redriven = {scenarios["redriven"].arn, scenarios["redriven batch"].arn}
    warned = {run.arn for _, run in scenarios.runs.values() if run.status == "SUCCEEDED" and _warning(run)}
    warned -= {scenarios["untold nothing"].arn, scenarios["untold empty"].arn}
    assert named == (failed - untold) | redriven | warned | {scenarios["compaction fails"].arn}
    assert len(scenarios.messages) == len(named) + 1  # the one that was redriven failed, and then built nothing


@pytest.mark.parametrize("scenario", ["untold", "untold batch"])
def test_a_message_that_can_not_be_sent_hides_nothing(scenarios: Scenarios, scenario: str) -> None:
    assert scenarios[scenario].error == "InvalidRequestError"


# a second opinion


@pytest.fixture(scope="module")
def recordings(scenarios: Scenarios, account: Account) -> dict[str, Recorded]:
    """What the scenarios met, less those that were aborted."""
    ended = {name: run for name, (_, run) in scenarios.runs.items() if run.status != "ABORTED"}
    return {name: recorded(account, run.arn) for name, run in ended.items()}


def test_another_implementation_of_step_functions_goes_the_same_ways(recordings: dict[str, Recorded]) -> None:
    results = executed([run.case for run in recordings.values()])
    pairs = zip(recordings.items(), results, strict=True)
    found = {name: list(differences(run, result)) for (name, run), result in pairs}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_another_implementation_retries_each_error_of_each_retry(
    recordings: dict[str, Recorded], machines: Machines
) -> None:
    retried = list(with_failures(recordings.values()))
    states = [item for machine in MACHINES for item in all_states(machines.definition(machine)).items()]
    assert {(state, error) for state, error, _ in retried} == {
        (name, error) for name, state in states for error in retried_errors(state)
    }
    results = executed([run.case for _, _, run in retried])
    for (state, error, run), result in zip(retried, results, strict=True):
        # The task is called once more, with the same outcome.
        found = [line for line in differences(run, result) if not line.startswith("calls")]
        assert found == [], f"{error} in {state}"
        assert sum(map(len, result["calls"].values())) == sum(map(len, run.calls.values())) + 1


def _fg_b_parameters(account: Account, **wanted: str) -> list[dict[str, str]]:
    return [
        item for item in _parameters_of_all(account, "ndr-fg-b-baseline-pipeline") if wanted.items() <= item.items()
    ]


def _parameters_of_all(account: Account, pipeline: str) -> list[dict[str, str]]:
    sagemaker = account.client("sagemaker")
    executions: list[dict[str, Any]] = []
    for page in sagemaker.get_paginator("list_pipeline_executions").paginate(PipelineName=pipeline):
        executions += page["PipelineExecutionSummaries"]
    return [
        {
            parameter["Name"]: parameter["Value"]
            for parameter in sagemaker.list_pipeline_parameters_for_execution(
                PipelineExecutionArn=execution["PipelineExecutionArn"]
            )["PipelineParameters"]
        }
        for execution in executions
    ]


def _ledger(account: Account, stack: dict[str, str], project: str) -> dict[str, str]:
    items = account.client("dynamodb").scan(TableName=stack["LedgerTableName"])["Items"]
    return {
        item["as_of"]["S"][:10]: item["status"]["S"] for item in items if item["series"]["S"].startswith(f"{project}#")
    }
