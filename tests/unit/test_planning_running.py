"""What runs already is followed: pipeline executions found, and plans cut by who builds what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.test_planning_baselines import DEFAULTS, NOW, WEEK, YEAR, jobspecs

from ndr.contract.jobspecs import JobSpec, JobSpecs
from ndr.contract.jobspecs.fg_c_builder import FgCBuilderSpec
from ndr.contract.ledger import LedgerRow
from ndr.contract.manifest import InputFile
from ndr.contract.pipelines import (
    FG_B_PIPELINE,
    INVENTORY_PIPELINE,
    MINI_BATCH_PIPELINE,
    SCORED_MINI_BATCH_PIPELINE,
    rebuild_parameters,
)
from ndr.contract.time import DAY, Interval, baseline_ends, format_instant, parse_instant
from ndr.planner import baseline_targets, find_running, plan_baselines, plan_mini_batch
from ndr.planner.baselines import Running
from ndr.planner.batches import BatchInProgress, find_batches_in_progress
from ndr.planner.delivered_files import Folder
from ndr.planner.in_progress import find_in_progress
from ndr.planner.late import plan_late
from ndr.planner.late_files import LateData
from ndr.planner.limits import HISTORY_EVENTS, PAYLOAD_BYTES, document_bytes, history_events
from ndr.planner.requests import BaselinesRequest, MiniBatchRequest, parse_request
from ndr.planner.running import RunningExecution
from ndr.planner.upstream import Upstream

SPECS = jobspecs()
STEPS = [SPECS["delta_builder"], SPECS["fg_a_builder"], SPECS["pair_counts_builder"]]
STARTED = NOW - timedelta(minutes=10)


def arn_of(number: int, pipeline: str = FG_B_PIPELINE) -> str:
    return f"arn:aws:sagemaker:us-east-1:123456789012:pipeline/{pipeline}/execution/{number:012}"


def execution(number: int, pipeline: str = FG_B_PIPELINE, **parameters: str) -> RunningExecution:
    project = {"ProjectName": "ndr-prod", "FeatureSpecVersion": "v1", "ProcessingInstanceType": "ml.m5.xlarge"}
    return RunningExecution(arn_of(number, pipeline), STARTED, {**project, **parameters})


def backfill(number: int, horizon: str, start: str, end: str, **more: str) -> RunningExecution:
    ends = {"BackfillStartTsIso": f"{start}T00:00:00Z", "BackfillEndTsIso": f"{end}T00:00:00Z"}
    return execution(number, BaselineMode="BACKFILL", BaselineHorizon=horizon, BaselineEndTsIso="none", **ends, **more)


def plan(
    document: dict[str, Any],
    running: Running | None = None,
    ledger: Mapping[str, Mapping[str, LedgerRow]] | None = None,
    upstream: Upstream | None = None,
) -> dict[str, Any]:
    request = parse_request(BaselinesRequest, document, NOW, DEFAULTS)
    targets = baseline_targets(request, SPECS["fg_b_builder"].spec, NOW)
    rows = {
        horizon: {parse_instant(end): entry for end, entry in (ledger or {}).get(horizon, {}).items()}
        for horizon in targets
    }
    return plan_baselines(request, SPECS, targets, rows, NOW, upstream, running).document()


def split(planned: dict[str, Any]) -> dict[str | None, list[str]]:
    """The days that are built, by the execution that is followed, or None."""
    days: dict[str | None, list[str]] = {}
    for run in planned["runs"]:
        days.setdefault(run.get("pipeline_execution_arn"), []).extend(
            name.split()[1][8:10] for name in run["baselines"]
        )
    return days


def held(number: int, until: str = "2027-03-10T01:10:00Z") -> LedgerRow:
    return LedgerRow("in_progress", arn_of(number), until, claimed_at=format_instant(STARTED))


@pytest.mark.parametrize("reprocess", ["none", "failed", "completed"])
def test_what_a_pipeline_execution_holds_is_followed_whatever_the_word(reprocess: str) -> None:
    request = {**WEEK, "horizon": "7d", "reprocess": reprocess}
    planned = plan(request, ledger={"7d": {"2026-01-06": held(1), "2026-01-07": held(1), "2026-01-09": held(2)}})
    assert split(planned) == {arn_of(1): ["06", "07"], arn_of(2): ["09"], None: ["05", "08", "10", "11"]}
    assert planned["runs"][0]["parameters"] == {
        "BaselineHorizon": "7d",
        "BackfillStartTsIso": "2026-01-06T00:00:00Z",
        "BackfillEndTsIso": "2026-01-08T00:00:00Z",
    }
    assert planned["skipped"] == []
    assert planned["baselines"] == 7
    assert planned["message"] == (
        "4 baselines of ndr-prod v1 to build in 3 pipeline executions. "
        f"3 are being built by {arn_of(1)}, {arn_of(2)}; this execution follows them."
    )


def test_a_holder_that_is_no_execution_of_the_pipeline_is_left_alone() -> None:
    by_hand = LedgerRow("in_progress", "a job started by hand, 0123", "2027-03-10T01:10:00Z")
    of_another = LedgerRow("in_progress", arn_of(1, "their-pipeline"), "2027-03-10T01:10:00Z")
    planned = plan({**WEEK, "horizon": "7d"}, ledger={"7d": {"2026-01-06": by_hand, "2026-01-08": of_another}})
    assert split(planned) == {None: ["05", "07", "09", "10", "11"]}
    assert [item["status"] for item in planned["skipped"]] == ["in_progress", "in_progress"]


def test_what_was_asked_for_and_not_begun_is_followed_though_nobody_holds_it() -> None:
    running = {FG_B_PIPELINE: [backfill(1, "both", "2026-01-05", "2026-01-12")]}
    planned = plan(WEEK, running)
    (run,) = planned["runs"]
    assert run["pipeline_execution_arn"] == arn_of(1)
    assert run["parameters"]["BaselineHorizon"] == "both"
    assert planned["message"] == (
        f"8 baselines of ndr-prod v1 are being built by {arn_of(1)}; this execution follows it."
    )
    assert split(plan({**WEEK, "end": "2026-01-14", "horizon": "7d"}, running)) == {
        arn_of(1): [f"{day:02}" for day in range(5, 12)],
        None: ["12", "13"],
    }


def test_what_it_is_done_with_is_planned_as_if_it_had_ended() -> None:
    running = {FG_B_PIPELINE: [backfill(1, "7d", "2026-01-05", "2026-01-12")]}
    before, since = format_instant(STARTED - DAY), format_instant(STARTED + timedelta(seconds=90))
    ledger = {
        "7d": {
            "2026-01-05": LedgerRow("completed", claimed_at=since),
            "2026-01-06": LedgerRow("completed", claimed_at=before),
            "2026-01-07": LedgerRow("failed", claimed_at=since),
            "2026-01-08": LedgerRow("failed", claimed_at=before),
            "2026-01-09": held(2),
        }
    }
    request = {**WEEK, "horizon": "7d"}
    assert split(plan(request, running, ledger)) == {arn_of(1): ["08", "10", "11"], arn_of(2): ["09"], None: ["07"]}
    assert split(plan({**request, "reprocess": "completed"}, running, ledger)) == {
        arn_of(1): ["06", "08", "10", "11"],
        arn_of(2): ["09"],
        None: ["05", "07"],
    }


def test_a_regular_run_follows_a_regular_run_and_a_backfill_that_has_its_end() -> None:
    regular = execution(1, BaselineMode="REGULAR", BaselineHorizon="both", BaselineEndTsIso="2027-03-10T00:00:00Z")
    assert split(plan({}, {FG_B_PIPELINE: [regular]})) == {arn_of(1): ["10", "10"]}
    of_week = backfill(2, "both", "2027-03-08", "2027-03-11")  # the 10th is a Wednesday: no 30d
    planned = plan({}, {FG_B_PIPELINE: [of_week]})
    assert [(run.get("pipeline_execution_arn"), run["baselines"]) for run in planned["runs"]] == [
        (arn_of(2), ["7d 2027-03-10T00:00:00Z"]),
        (None, ["30d 2027-03-10T00:00:00Z"]),
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"ProjectName": "another"},
        {"FeatureSpecVersion": "v2"},
        {"BaselineHorizon": "30d"},
        {"BaselineEndTsIso": "none"},
        {"BaselineEndTsIso": "2027-03-09T00:00:00Z"},
    ],
)
def test_other_work_is_not_followed(other: dict[str, str]) -> None:
    asked = {"BaselineMode": "REGULAR", "BaselineHorizon": "7d", "BaselineEndTsIso": "2027-03-10T00:00:00Z"}
    assert split(plan({"horizon": "7d"}, {FG_B_PIPELINE: [execution(1, **{**asked, **other})]})) == {None: ["10"]}


def _built_by(parameters: Mapping[str, str]) -> list[tuple[str, datetime]]:
    asked = parameters["BaselineHorizon"]
    ends = Interval.parse(parameters["BackfillStartTsIso"], parameters["BackfillEndTsIso"])
    cadence = SPECS["fg_b_builder"].spec.cadence
    return [
        (horizon, end)
        for horizon in (("7d", "30d") if asked == "both" else (asked,))
        for end in baseline_ends(ends, cadence.of(horizon))
    ]


@given(st.data(), st.integers(1, 60), st.integers(1, 40), st.sampled_from(["7d", "30d", "both"]))
def test_runs_cut_by_holder_build_each_baseline_once_and_each_follows_its_holder(
    data: st.DataObject, days: int, window_days: int, horizon: str
) -> None:
    start = parse_instant("2026-01-01")
    document = {"mode": "BACKFILL", "start": format_instant(start), "end": format_instant(start + days * DAY)}
    request = parse_request(
        BaselinesRequest, {**document, "horizon": horizon, "window_days": window_days}, NOW, DEFAULTS
    )
    targets = baseline_targets(request, SPECS["fg_b_builder"].spec, NOW)
    holders = st.sampled_from([None, None, 1, 2, 3])
    holder_of = {(name, end): data.draw(holders) for name, ends in targets.items() for end in ends}
    rows = {
        name: {end: held(number) for end in ends if (number := holder_of[name, end])} for name, ends in targets.items()
    }
    planned = plan_baselines(request, SPECS, targets, rows, NOW).document()
    # What a job told the run's parameters builds, by enumeration rather than by what the run says of itself.
    built = [
        (key, run.get("pipeline_execution_arn")) for run in planned["runs"] for key in _built_by(run["parameters"])
    ]
    expected = [(key, arn_of(number) if number else None) for key, number in holder_of.items()]
    assert sorted(built, key=str) == sorted(expected, key=str)
    named = [name for run in planned["runs"] for name in run["baselines"]]
    assert sorted(named) == sorted(f"{name} {format_instant(end)}" for name, end in holder_of)
    assert planned["baselines"] == len(named)


@pytest.mark.parametrize("window_days", [28, 1])
def test_a_year_of_which_every_baseline_is_held_fits_payload_and_history(window_days: int) -> None:
    request = parse_request(BaselinesRequest, {**YEAR, "window_days": window_days}, NOW, DEFAULTS)
    targets = baseline_targets(request, SPECS["fg_b_builder"].spec, NOW)
    holders = iter(range(1000))  # the worst case: each has a holder of its own, and so is a run
    rows = {name: {end: held(next(holders)) for end in ends} for name, ends in targets.items()}
    planned = plan_baselines(request, SPECS, targets, rows, NOW).document()
    assert len(planned["runs"]) == planned["baselines"] == 365 + 52
    assert all(run["pipeline_execution_arn"] for run in planned["runs"])
    assert planned["message"].endswith(
        f"417 baselines of ndr-prod v1 are being built by {arn_of(0)}, {arn_of(1)}, {arn_of(2)} and 414 more; "
        "this execution follows them."
    )
    assert document_bytes(planned) < PAYLOAD_BYTES * 7 // 8
    assert history_events(417) < HISTORY_EVENTS


def test_an_inventory_that_is_being_unloaded_is_followed() -> None:
    asked = {"inventory": True, "end": "2027-02-28"}
    same = execution(4, INVENTORY_PIPELINE, ReferenceMonthIso="2027-02")
    planned = plan(asked, {INVENTORY_PIPELINE: [execution(3, INVENTORY_PIPELINE, ReferenceMonthIso="2027-01"), same]})
    assert planned["inventory"]["pipeline_execution_arn"] == same.arn
    assert planned["message"].startswith(
        f"The machine inventory of 2027-02 is being unloaded by {same.arn}; this execution follows it. 2 baselines"
    )


def rebuild(number: int, batch: Interval) -> RunningExecution:
    return execution(number, MINI_BATCH_PIPELINE, **rebuild_parameters(STEPS, batch))


def test_a_fill_that_is_being_built_is_followed_first_and_the_rest_of_the_gap_built() -> None:
    end = parse_instant("2027-03-10")
    gap = Interval(end - 20 * DAY, end - 8 * DAY)
    upstream = Upstream({"fg_a": [Interval(end - 8 * DAY, end)]}, list(gap.steps(DAY)))
    at_work = Interval(gap.start, gap.start + 5 * DAY)
    running = {MINI_BATCH_PIPELINE: [rebuild(5, at_work), rebuild(6, Interval(end - 90 * DAY, end - 80 * DAY))]}
    planned = plan({"fill_upstream": True}, running, upstream=upstream)
    assert [(batch["BatchStartTsIso"], batch["BatchEndTsIso"]) for batch in planned["batches"]] == [
        ("2027-02-18T00:00:00Z", "2027-02-23T00:00:00Z"),
        ("2027-02-23T00:00:00Z", "2027-03-02T00:00:00Z"),
    ]
    assert planned["followed_batches"] == {"rebuild-20270218T000000Z-PT7200M": arn_of(5, MINI_BATCH_PIPELINE)}
    assert planned["insufficient"] == 0
    assert planned["message"].startswith(
        f"1 batch of features is being built by {arn_of(5, MINI_BATCH_PIPELINE)}; this execution follows it. "
        "1 batch of missing features is built first: [2027-02-23T00:00:00Z, 2027-03-02T00:00:00Z)."
    )
    assert plan({"fill_upstream": False}, running, upstream=upstream)["batches"] == []


def test_a_mini_batch_is_no_rebuild_and_is_followed_by_its_like_only() -> None:
    request = parse_request(MiniBatchRequest, {}, NOW, DEFAULTS)
    asked = plan_mini_batch(request, SPECS, NOW).parameters
    own = execution(7, MINI_BATCH_PIPELINE, **asked)
    assert plan_mini_batch(request, SPECS, NOW, [own]).pipeline_execution_arn == own.arn
    assert plan_mini_batch(request, SPECS, NOW, [own]).message.endswith(f"by {own.arn}; this execution follows it.")
    batch = Interval.parse(asked["BatchStartTsIso"], asked["BatchEndTsIso"])
    assert "pipeline_execution_arn" not in plan_mini_batch(request, SPECS, NOW, [rebuild(8, batch)]).document()
    expected = [BatchInProgress(batch, arn_of(8, MINI_BATCH_PIPELINE))]
    assert find_batches_in_progress([own, rebuild(8, batch)], STEPS, [batch]) == expected
    assert find_batches_in_progress([execution(9, MINI_BATCH_PIPELINE)], STEPS, [batch]) == []


def test_late_slices_that_are_being_built_again_are_followed_even_when_no_longer_late() -> None:
    day = Interval(parse_instant("2027-03-08"), parse_instant("2027-03-09"))
    later = Interval(day.end, day.end + DAY)
    request = parse_request(BaselinesRequest, {"mode": "LATE"}, NOW, DEFAULTS)
    in_progress = [BatchInProgress(day, arn_of(1, MINI_BATCH_PIPELINE))]
    rows = {"7d": {day.end + DAY: LedgerRow("completed"), day.end: LedgerRow("completed")}}
    planned = plan_late(request, SPECS, LateData(), rows, in_progress).document()
    assert planned["followed_batches"] == {"rebuild-20270308T000000Z-PT1440M": arn_of(1, MINI_BATCH_PIPELINE)}
    assert [batch["MiniBatchId"] for batch in planned["batches"]] == list(planned["followed_batches"])
    assert planned["stale"] == ["7d 2027-03-10T00:00:00Z"]  # the other stops before the day
    assert planned["message"].startswith("1 batch of features is being built by arn:")
    file = InputFile(name="part-0", bytes=1, modified_at=NOW)
    late = tuple(Folder(each, "s3://b/x", (file,)) for each in (day, later))
    found = LateData(late=late, delivered=(day, later))
    planned = plan_late(request, SPECS, found, rows, [BatchInProgress(day, arn_of(1, MINI_BATCH_PIPELINE))]).document()
    assert len(planned["batches"]) == 2  # what is at work, and the batch that reaches beyond it


def test_a_baseline_that_was_begun_in_the_second_in_which_an_execution_started_is_not_to_come() -> None:
    end, cadence = parse_instant("2027-03-10"), SPECS["fg_b_builder"].spec.cadence
    asked = {"BaselineHorizon": "7d", "BaselineEndTsIso": format_instant(end)}
    started = RunningExecution(arn_of(1), STARTED.replace(microsecond=500_000), asked)
    for seconds, found in ((-1, {end: arn_of(1)}), (0, {}), (1, {})):
        claimed = format_instant(STARTED.replace(microsecond=0) + timedelta(seconds=seconds))
        rows = {"7d": {end: LedgerRow("completed", claimed_at=claimed)}}
        assert find_in_progress({"7d": [end]}, rows, [started], {}, cadence) == {"7d": found}


def test_what_runs_is_found_over_all_pages_and_the_oldest_that_goes_on_comes_first() -> None:
    sagemaker = boto3.client("sagemaker", region_name="us-east-1")
    asked = {
        "PipelineName": FG_B_PIPELINE,
        "CreatedAfter": NOW - timedelta(days=4),
        "SortBy": "CreationTime",
        "SortOrder": "Descending",
        "MaxResults": 100,
    }
    listed = [(4, "Stopping"), (3, "Executing"), (2, "Succeeded"), (1, "Executing")]
    items = [
        {
            "PipelineExecutionArn": arn_of(number),
            "PipelineExecutionStatus": status,
            "StartTime": STARTED + timedelta(seconds=number),
        }
        for number, status in listed
    ]
    with Stubber(sagemaker) as stubber:
        page = {"PipelineExecutionSummaries": items[:2], "NextToken": "next"}
        stubber.add_response("list_pipeline_executions", page, asked)
        rest = {"PipelineExecutionSummaries": items[2:]}
        stubber.add_response("list_pipeline_executions", rest, {**asked, "NextToken": "next"})
        parameters = {"PipelineParameters": [{"Name": "ProjectName", "Value": "p"}]}
        for _ in range(3):  # several threads ask, in any order
            stubber.add_response("list_pipeline_parameters_for_execution", parameters, {"PipelineExecutionArn": ANY})
        found = find_running(sagemaker, FG_B_PIPELINE, NOW)
    assert [each.arn for each in found] == [arn_of(1), arn_of(3), arn_of(4)]
    assert found[0].parameters == {"ProjectName": "p"}
    assert found[0].started == datetime(2027, 3, 10, 0, 52, 4, tzinfo=UTC)


def test_an_execution_may_have_more_parameters_than_it_is_compared_by_and_no_fewer() -> None:
    running = RunningExecution(arn_of(1), STARTED, {"ProjectName": "p", "BaselineHorizon": "7d"})
    assert running.was_asked({"ProjectName": "p"})
    assert running.was_asked({"ProjectName": "p", "BaselineHorizon": "7d"})
    assert not running.was_asked({"ProjectName": "p", "BaselineHorizon": "7d", "BaselineMode": "REGULAR"})


def test_a_thousand_executions_are_looked_at_and_no_more() -> None:
    sagemaker = boto3.client("sagemaker", region_name="us-east-1")
    items = [
        {
            "PipelineExecutionArn": arn_of(number),
            "PipelineExecutionStatus": "Executing" if number == 999 else "Succeeded",
            "StartTime": STARTED,
        }
        for number in range(1000)
    ]
    with Stubber(sagemaker) as stubber:
        for page in range(10):
            summaries = {
                "PipelineExecutionSummaries": items[100 * page : 100 * page + 100],
                "NextToken": f"after {page}",
            }
            stubber.add_response("list_pipeline_executions", summaries)
        stubber.add_response("list_pipeline_parameters_for_execution", {"PipelineParameters": []})
        found = find_running(sagemaker, FG_B_PIPELINE, NOW)
        stubber.assert_no_pending_responses()
    assert [each.arn for each in found] == [arn_of(999)]


@pytest.mark.parametrize(("error", "is_told"), [("ResourceNotFound", False), ("AccessDeniedException", True)])
def test_a_pipeline_that_is_not_registered_runs_nothing_and_other_refusals_are_told(error: str, is_told: bool) -> None:
    sagemaker = boto3.client("sagemaker", region_name="us-east-1")
    with Stubber(sagemaker) as stubber:
        stubber.add_client_error("list_pipeline_executions", error)
        if is_told:
            with pytest.raises(ClientError):
                find_running(sagemaker, FG_B_PIPELINE, NOW)
        else:
            assert find_running(sagemaker, FG_B_PIPELINE, NOW) == []


def test_a_slice_whose_files_changed_since_it_was_started_is_not_followed_but_run_after_it() -> None:
    request = parse_request(MiniBatchRequest, {}, NOW, DEFAULTS)
    same = execution(7, MINI_BATCH_PIPELINE, **plan_mini_batch(request, SPECS, NOW).parameters)
    for delivered, is_followed in ((STARTED - timedelta(seconds=1), True), (STARTED, False), (None, True)):
        planned = plan_mini_batch(request, SPECS, NOW, [same], lambda delivered=delivered: delivered)
        assert (planned.pipeline_execution_arn == same.arn) is is_followed
        assert (planned.wait_for == same.arn) is not is_followed
    assert "files of the batch were delivered after that one started" in (
        plan_mini_batch(request, SPECS, NOW, [same], lambda: STARTED).message
    )


def test_a_slice_that_another_execution_holds_waits_for_it_until_its_pipeline_can_be_followed() -> None:
    request = parse_request(MiniBatchRequest, {}, NOW, DEFAULTS)
    planned = plan_mini_batch(request, SPECS, NOW, held_by="arn:of/first")
    assert (planned.wait_for, planned.pipeline_execution_arn) == ("arn:of/first", None)
    same = execution(7, MINI_BATCH_PIPELINE, **planned.parameters)
    followed = plan_mini_batch(request, SPECS, NOW, [same], held_by="arn:of/first")
    assert (followed.wait_for, followed.pipeline_execution_arn) == (None, same.arn)
    assert followed.document()["claim"] == {"series": "ndr-prod#v1#mini_batch", "as_of": "20270310T004500Z-PT15M"}


def test_an_empty_batch_may_replace_rows_only_where_the_request_says_so() -> None:
    for asked in (False, True):
        more = {"ReplaceWithEmpty": "true"} if asked else {}
        batch = plan_mini_batch(
            parse_request(MiniBatchRequest, {"replace_with_empty": asked}, NOW, DEFAULTS), SPECS, NOW
        )
        assert batch.parameters.items() >= more.items()
        assert ("ReplaceWithEmpty" in batch.parameters) is asked
        gap = Upstream({"fg_a": []}, [Interval(NOW - 3 * DAY, NOW - 2 * DAY)])
        document = {"fill_upstream": True, "inventory": True, "replace_with_empty": asked}
        planned = plan(document, upstream=gap)
        assert ("ReplaceWithEmpty" in planned["batches"][0]) is asked
        assert ("ReplaceWithEmpty" in planned["inventory"]["parameters"]) is asked


def test_a_stack_with_a_suffix_starts_and_follows_its_own_pipelines() -> None:
    of_stack = arn_of(1, f"{FG_B_PIPELINE}-dev")
    end = parse_instant("2026-01-31")
    request = parse_request(BaselinesRequest, {"horizon": "7d", "inventory": True}, NOW, DEFAULTS)
    leased = LedgerRow("in_progress", of_stack, "2027-03-10T01:10:00Z", claimed_at=format_instant(STARTED))
    planned = plan_baselines(request, SPECS, {"7d": [end]}, {"7d": {end: leased}}, NOW).with_suffix("-dev")
    document = planned.document()
    names = (document["pipeline_name"], document["batch_pipeline"], document["inventory"]["pipeline_name"])
    assert names == (f"{FG_B_PIPELINE}-dev", f"{MINI_BATCH_PIPELINE}-dev", f"{INVENTORY_PIPELINE}-dev")
    assert [run["pipeline_execution_arn"] for run in document["runs"]] == [of_stack]
    batch = parse_request(MiniBatchRequest, {}, NOW, {**DEFAULTS, "settle_minutes": 0})
    assert plan_mini_batch(batch, SPECS, NOW).with_suffix("-dev").pipeline_name == f"{MINI_BATCH_PIPELINE}-dev"


def test_a_project_with_scores_has_the_pipeline_with_scores() -> None:
    """Whatever starts a batch starts that one, and follows it."""
    prefixes = {name: f"s3://ndr-data/v1/{name}/" for name in ("fg_a", "pair_counts", "fg_b")}
    spec = FgCBuilderSpec(inputs=prefixes, outputs={"fg_c": "s3://ndr-data/v1/fg_c/"})
    fg_b = SPECS["fg_b_builder"]
    fg_c = JobSpec[FgCBuilderSpec](job_name="fg_c_builder", spec=spec, **fg_b.model_dump(exclude={"job_name", "spec"}))
    scored = JobSpecs({**SPECS, "fg_c_builder": fg_c})
    request = parse_request(MiniBatchRequest, {}, NOW, DEFAULTS)
    assert plan_mini_batch(request, scored, NOW).pipeline_name == SCORED_MINI_BATCH_PIPELINE
    assert plan_mini_batch(request, SPECS, NOW).pipeline_name == MINI_BATCH_PIPELINE
    late = parse_request(BaselinesRequest, {"mode": "LATE"}, NOW, DEFAULTS)
    for specs, pipeline in ((scored, SCORED_MINI_BATCH_PIPELINE), (SPECS, MINI_BATCH_PIPELINE)):
        assert plan_late(late, specs, LateData(), {}).document()["batch_pipeline"] == pipeline
