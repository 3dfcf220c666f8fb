from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from tests.statemachines.jobspecs import documents

from ndr.contract.errors import InvalidRequestError, JobSpecInvalidError
from ndr.contract.jobspecs import JobSpecs, check_jobspecs, parse_jobspec
from ndr.contract.ledger import LedgerRow, ledger_key
from ndr.contract.time import DAY, Interval, parse_instant
from ndr.planner import baseline_targets, plan_baselines, plan_mini_batch, report_baselines
from ndr.planner.baselines import with_stale_baselines
from ndr.planner.limits import HISTORY_EVENTS, PAYLOAD_BYTES, document_bytes, history_events
from ndr.planner.requests import BaselinesRequest, MiniBatchRequest, parse_request
from ndr.planner.upstream import Upstream

NOW = datetime(2027, 3, 10, 1, 2, 3, tzinfo=UTC)
DEFAULTS = {"project_name": "ndr-prod", "feature_spec_version": "v1"}


def jobspecs(**images: str) -> JobSpecs:
    """The JobSpecs of a project whose baselines stop the default safety gap earlier."""
    written = documents("ndr-prod")
    for document in written:
        document["spec"].pop("safety_gap", None)
        if document["job_name"] in images:
            document["spec"]["processing_image_uri"] = images[document["job_name"]]
    return check_jobspecs([parse_jobspec(document) for document in written])


def plan(document: dict[str, Any], ledger: dict[str, dict[str, str]] | None = None, **images: str) -> dict[str, Any]:
    specs = jobspecs(**images)
    request = parse_request(BaselinesRequest, document, NOW, DEFAULTS)
    targets = baseline_targets(request, specs["fg_b_builder"].spec, NOW)
    rows = {
        horizon: {parse_instant(end): LedgerRow(status) for end, status in (ledger or {}).get(horizon, {}).items()}
        for horizon in targets
    }
    return plan_baselines(request, specs, targets, rows, NOW).document()


YEAR = {"mode": "BACKFILL", "start": "2026-01-01", "end": "2027-01-01"}
WEEK = {"mode": "BACKFILL", "start": "2026-01-05", "end": "2026-01-12"}


def test_a_regular_run_ends_at_the_last_midnight() -> None:
    planned = plan({})
    assert planned["pipeline_name"] == "ndr-fg-b-baseline-pipeline"
    assert planned["parameters"] == {
        "ProjectName": "ndr-prod",
        "FeatureSpecVersion": "v1",
        "BaselineMode": "REGULAR",
    }
    assert planned["runs"] == [
        {
            "parameters": {
                "BaselineHorizon": "both",
                "BaselineEndTsIso": "2027-03-10T00:00:00Z",
                "BackfillStartTsIso": "none",
                "BackfillEndTsIso": "none",
            },
            "baselines": ["7d 2027-03-10T00:00:00Z", "30d 2027-03-10T00:00:00Z"],
        }
    ]
    assert "inventory" not in planned
    assert planned["message"] == "2 baselines of ndr-prod v1 to build in 1 pipeline execution."


def test_a_regular_run_builds_only_the_horizon_that_is_not_built() -> None:
    planned = plan({"end": "2027-03-01"}, {"7d": {"2027-03-01": "completed"}})
    (run,) = planned["runs"]
    assert run["parameters"]["BaselineHorizon"] == "30d"
    assert run["baselines"] == ["30d 2027-03-01T00:00:00Z"]
    assert planned["skipped"] == [
        {
            "horizon": "7d",
            "status": "completed",
            "first": "2027-03-01T00:00:00Z",
            "last": "2027-03-01T00:00:00Z",
            "count": 1,
        }
    ]
    assert '1 is completed and skipped; write "reprocess": "completed" to build it.' in planned["message"]


def test_a_chunk_of_a_backfill_names_the_ends_that_the_schedules_would_have_built() -> None:
    planned = plan({**WEEK, "horizon": "both"}, fg_b_builder="account/image:1")
    assert planned["parameters"] == {
        "ProjectName": "ndr-prod",
        "FeatureSpecVersion": "v1",
        "BaselineMode": "BACKFILL",
        "ProcessingImageUri": "account/image:1",
        "BaselineEndTsIso": "none",
    }
    (run,) = planned["runs"]
    assert run["parameters"] == {
        "BaselineHorizon": "both",
        "BackfillStartTsIso": "2026-01-05T00:00:00Z",
        "BackfillEndTsIso": "2026-01-12T00:00:00Z",
    }
    assert run["baselines"] == [*(f"7d 2026-01-{day:02}T00:00:00Z" for day in range(5, 12)), "30d 2026-01-05T00:00:00Z"]
    key = ledger_key("ndr-prod", "v1", "fg_b", "7d", parse_instant("2026-01-05"))
    assert planned["series"]["7d"] == key["series"]


@pytest.mark.parametrize(
    ("reprocess", "built", "skipped"),
    [
        ("none", ["08", "11"], {"completed": 1, "failed": 2, "abandoned": 1, "insufficient_history": 1}),
        ("failed", ["05", "06", "08", "09", "10", "11"], {"completed": 1}),
        ("completed", ["05", "06", "07", "08", "09", "10", "11"], {}),
    ],
)
def test_reprocess_says_what_is_built_again(reprocess: str, built: list[str], skipped: dict[str, int]) -> None:
    statuses = {
        "2026-01-05": "failed",
        "2026-01-06": "failed",
        "2026-01-07": "completed",
        "2026-01-09": "abandoned",
        "2026-01-10": "insufficient_history",
    }
    planned = plan({**WEEK, "horizon": "7d", "reprocess": reprocess}, {"7d": statuses})
    assert [name[11:13] for run in planned["runs"] for name in run["baselines"]] == built
    assert planned["baselines"] == len(built)
    assert {item["status"]: item["count"] for item in planned["skipped"]} == skipped
    for status, count in skipped.items():
        word = "completed" if status == "completed" else "failed"
        assert (
            f'{count} {"is" if count == 1 else "are"} {status} and skipped; write "reprocess": "{word}"'
            in planned["message"]
        )


def test_what_changed_since_it_was_built_is_built_again() -> None:
    stale = {"7d": {"2026-01-06": "stale", "2026-01-07": "completed"}}
    planned = plan({**WEEK, "horizon": "7d"}, stale)
    assert [name[11:13] for run in planned["runs"] for name in run["baselines"]] == ["05", "06", "08", "09", "10", "11"]


@pytest.mark.parametrize("reprocess", ["none", "failed", "completed"])
def test_what_another_execution_builds_is_left_to_it_and_named(reprocess: str) -> None:
    specs, request = jobspecs(), {**WEEK, "horizon": "7d", "reprocess": reprocess}
    parsed = parse_request(BaselinesRequest, request, NOW, DEFAULTS)
    targets = baseline_targets(parsed, specs["fg_b_builder"].spec, NOW)
    held = LedgerRow("in_progress", "arn:of/execution/1", "2027-03-10T01:10:00Z")
    rows = {"7d": {parse_instant(f"2026-01-{day:02}"): held for day in (6, 7)}}
    planned = plan_baselines(parsed, specs, targets, rows, NOW).document()
    assert [name[11:13] for run in planned["runs"] for name in run["baselines"]] == ["05", "08", "09", "10", "11"]
    (item,) = planned["skipped"]
    assert item == {
        "horizon": "7d",
        "status": "in_progress",
        "first": "2026-01-06T00:00:00Z",
        "last": "2026-01-07T00:00:00Z",
        "count": 2,
        "holder": "arn:of/execution/1",
        "until": "2027-03-10T01:10:00Z",
    }
    assert (
        "2 are in progress elsewhere and left out, held by arn:of/execution/1 until 2027-03-10T01:10:00Z"
        in (planned["message"])
    )


def test_a_horizon_without_enough_history_is_named_and_not_run() -> None:
    parsed = parse_request(BaselinesRequest, {"end": "2027-03-10", "fill_upstream": False}, NOW, DEFAULTS)
    specs, end = jobspecs(), parse_instant("2027-03-10")
    targets = baseline_targets(parsed, specs["fg_b_builder"].spec, NOW)
    week = Interval(end - 10 * DAY, end)
    upstream = Upstream({name: [week] for name in ("deltas", "fg_a", "pair_counts")})
    made = plan_baselines(parsed, specs, targets, {"7d": {}, "30d": {}}, NOW, upstream)
    planned = made.document()
    (run,) = planned["runs"]
    assert run["baselines"] == ["7d 2027-03-10T00:00:00Z"]
    assert planned["insufficient"] == 1
    assert made.insufficient == {
        "30d 2027-03-10T00:00:00Z": "30d ending 2027-03-10T00:00:00Z: 8.0 of 30 days are published (27%), "
        "min_coverage asks for 30%"
    }
    assert [(item["horizon"], item["status"]) for item in planned["skipped"]] == [("30d", "insufficient_history")]
    assert "1 has too little history and is not run: 30d ending 2027-03-10T00:00:00Z: 8.0" in planned["message"]
    assert 'Write "fill_upstream": true' in planned["message"]


def test_a_horizon_with_just_enough_history_is_run() -> None:
    parsed = parse_request(BaselinesRequest, {"end": "2027-03-10", "horizon": "30d"}, NOW, DEFAULTS)
    specs, end = jobspecs(), parse_instant("2027-03-10")
    builder = specs["fg_b_builder"]
    half = builder.spec.model_copy(update={"min_coverage": 0.5})
    stop = end - half.safety_gap.of("30d")
    specs["fg_b_builder"] = builder.model_copy(update={"spec": half})
    for days, baselines in ((15, 1), (14.99, 0)):
        upstream = Upstream({"fg_a": [Interval(stop - days * DAY, end)]})
        planned = plan_baselines(parsed, specs, {"30d": [end]}, {"30d": {}}, NOW, upstream)
        assert (planned.baselines, len(planned.insufficient)) == (baselines, 1 - baselines)


def test_missing_features_are_built_first_where_they_were_delivered() -> None:
    parsed = parse_request(BaselinesRequest, {"end": "2027-03-10", "fill_upstream": True}, NOW, DEFAULTS)
    specs, end = jobspecs(), parse_instant("2027-03-10")
    targets = baseline_targets(parsed, specs["fg_b_builder"].spec, NOW)
    published, delivered = Interval(end - 8 * DAY, end), Interval(end - 20 * DAY, end - 8 * DAY)
    upstream = Upstream({"fg_a": [published], "pair_counts": [published]}, [delivered])
    made = plan_baselines(parsed, specs, targets, {"7d": {}, "30d": {}}, NOW, upstream)
    planned = made.document()
    assert planned["baselines"] == 2
    assert planned["insufficient"] == 0
    (batch,) = planned["batches"]
    assert (batch["BatchStartTsIso"], batch["BatchEndTsIso"]) == ("2027-02-18T00:00:00Z", "2027-03-02T00:00:00Z")
    assert batch["MiniBatchId"] == "rebuild-20270218T000000Z-PT17280M"
    assert planned["not_delivered"] == ["[2027-02-06T00:00:00Z, 2027-02-18T00:00:00Z)"]
    assert planned["message"].startswith("1 batch of missing features is built first: [2027-02-18T00:00:00Z, ")


def test_the_report_counts_what_is_left_to_others_and_what_lacks_history() -> None:
    names = [f"7d 2026-01-{day:02}T00:00:00Z" for day in range(5, 12)] + ["30d 2026-01-05T00:00:00Z"]
    known = {
        "seven": {
            parse_instant("2026-01-05"): LedgerRow("completed"),
            parse_instant("2026-01-06"): LedgerRow("in_progress", "arn:1", "2027-03-10T01:10:00Z"),
            parse_instant("2026-01-07"): LedgerRow("in_progress", "arn:1", "2027-03-10T01:10:00Z"),
        },
        "thirty": {parse_instant("2026-01-05"): LedgerRow("insufficient_history", reason="1 of 30 days")},
    }
    series = {"7d": "seven", "30d": "thirty"}
    report = report_baselines(names, series, lambda name, first, last: known[name]).document()
    assert report["built"] == 5
    assert [(item["first"], item["count"], item["holder"]) for item in report["in_progress"]] == [
        ("2026-01-06T00:00:00Z", 2, "arn:1")
    ]
    assert [item["horizon"] for item in report["insufficient_history"]] == ["30d"]
    assert report["message"].startswith("5 baselines built. 2 are in progress elsewhere and left out, held by arn:1 ")
    assert report_baselines([], {}, lambda series, first, last: {}).message == "0 baselines built."


def test_the_report_says_what_became_stale_while_it_was_built() -> None:
    known = {parse_instant("2026-01-05"): LedgerRow("stale"), parse_instant("2026-01-06"): LedgerRow("completed")}
    names = [f"7d 2026-01-{day:02}T00:00:00Z" for day in (5, 6)]
    report = report_baselines(names, {"7d": "seven"}, lambda series, first, last: known).document()
    assert (report["built"], report["stale"]) == (2, 1)
    assert report["message"] == (
        "2 baselines built. 1 of them is stale: its inputs changed after the run began; start the same request again."
    )


def test_the_report_names_what_was_left_to_others_who_did_not_finish_it() -> None:
    known = {
        parse_instant("2026-01-05"): LedgerRow("completed", claimed_at="2026-02-01T00:00:00Z"),
        parse_instant("2026-01-06"): LedgerRow("failed", reason="disk full"),
        parse_instant("2026-01-07"): LedgerRow("abandoned", reason="arn:1 did not finish it"),
    }
    names = [f"7d 2026-01-{day:02}T00:00:00Z" for day in (5, 6, 7)]
    report = report_baselines(names, {"7d": "seven"}, lambda series, first, last: known).document()
    assert report["built"] == 1
    assert [item["first"][:10] for item in report["failed"]] == ["2026-01-06"]
    assert report["message"] == (
        "1 baseline built. 2 were left to other executions, which did not finish them; start the same request again."
    )


def test_the_inventory_is_of_the_month_of_the_last_baseline_unless_told() -> None:
    image = {"machine_inventory_unload": "account/image:2"}
    assert plan({"inventory": True, "end": "2027-02-28"}, **image)["inventory"] == {
        "pipeline_name": "ndr-machine-inventory-unload",
        "parameters": {
            "ProjectName": "ndr-prod",
            "FeatureSpecVersion": "v1",
            "ReferenceMonthIso": "2027-02",
            "ImageUri": "account/image:2",
        },
    }
    backfill = plan({**YEAR, "inventory": True})["inventory"]
    assert backfill["parameters"]["ReferenceMonthIso"] == "2026-12"
    told = plan({"inventory": True, "reference_month": "2026-05"})
    assert told["inventory"]["parameters"]["ReferenceMonthIso"] == "2026-05"
    assert told["message"].startswith("The machine inventory of 2026-05 is unloaded first. ")


@pytest.mark.parametrize(("window_days", "chunks"), [(28, 14), (7, 53), (1, 365)])
def test_a_year_fits_payload_and_history(window_days: int, chunks: int) -> None:
    planned = plan({**YEAR, "window_days": window_days})
    assert len(planned["runs"]) == chunks
    assert planned["baselines"] == 365 + 52
    assert document_bytes(planned) < PAYLOAD_BYTES * 7 // 8
    assert history_events(chunks) < HISTORY_EVENTS


def test_a_thousand_chunks_fit_and_a_plan_that_does_not_is_refused_with_advice() -> None:
    start = parse_instant("2027-01-01") - timedelta(days=1000)
    document = {"mode": "BACKFILL", "start": start.isoformat(), "end": "2027-01-01", "window_days": 1}
    assert len(plan(document)["runs"]) == 1000
    with pytest.raises(InvalidRequestError, match="Write a larger window_days, or split"):
        plan({**document, "start": "2020-01-01"})
    since_2000 = {"mode": "BACKFILL", "start": "2000-01-01", "end": "2027-01-01", "window_days": 7}
    with pytest.raises(InvalidRequestError, match="KiB of at most 224 and up to .* history events of at most 25000"):
        plan(since_2000)


def test_a_plan_is_json() -> None:
    planned = plan({**YEAR, "inventory": True})
    assert json.loads(json.dumps(planned)) == planned


def test_the_mini_batch_names_its_interval_and_the_shared_image() -> None:
    request = parse_request(MiniBatchRequest, {}, NOW, DEFAULTS)
    planned = plan_mini_batch(request, jobspecs(delta_builder="account/image:3"), NOW).document()
    assert planned["pipeline_name"] == "ndr-15m-pipeline"
    assert planned["parameters"] == {
        "ProjectName": "ndr-prod",
        "FeatureSpecVersion": "v1",
        "MiniBatchId": "20270310T004500Z-PT15M",
        "BatchStartTsIso": "2027-03-10T00:45:00Z",
        "BatchEndTsIso": "2027-03-10T01:00:00Z",
        "ProcessingImageUri": "account/image:3",
    }


def test_jobs_of_one_pipeline_can_not_ask_for_two_images() -> None:
    request = parse_request(MiniBatchRequest, {}, NOW, DEFAULTS)
    specs = jobspecs(delta_builder="image:1", fg_a_builder="image:2", pair_counts_builder="image:1")
    with pytest.raises(
        JobSpecInvalidError, match="image:1 in delta_builder, pair_counts_builder, image:2 in fg_a_builder; use one"
    ):
        plan_mini_batch(request, specs, NOW)


def test_a_regular_run_builds_the_stale_baselines_of_its_horizon_too() -> None:
    request = parse_request(BaselinesRequest, {"horizon": "7d"}, NOW, DEFAULTS)
    specs, end = jobspecs(), parse_instant("2027-03-10")
    known = {end - days * DAY: LedgerRow("stale") for days in (1, 31, 32)} | {end - 2 * DAY: LedgerRow("completed")}
    targets = with_stale_baselines(request, baseline_targets(request, specs["fg_b_builder"].spec, NOW), {"7d": known})
    planned = plan_baselines(request, specs, targets, {"7d": known}, NOW).document()
    assert [run["baselines"] for run in planned["runs"]] == [
        ["7d 2027-03-10T00:00:00Z"],
        ["7d 2027-02-07T00:00:00Z"],
        ["7d 2027-03-09T00:00:00Z"],
    ]
    assert {run["parameters"]["BaselineEndTsIso"] for run in planned["runs"]} == {
        "2027-03-10T00:00:00Z",
        "2027-02-07T00:00:00Z",
        "2027-03-09T00:00:00Z",
    }
    untouched = parse_request(BaselinesRequest, {"horizon": "7d", "reprocess": "none"}, NOW, DEFAULTS)
    asked = baseline_targets(untouched, specs["fg_b_builder"].spec, NOW)
    assert with_stale_baselines(untouched, asked, {"7d": known}) == asked


def test_a_stale_baseline_that_is_the_target_itself_is_built_once() -> None:
    request = parse_request(BaselinesRequest, {"horizon": "7d"}, NOW, DEFAULTS)
    end = parse_instant("2027-03-10")
    known = {end - days * DAY: LedgerRow("stale") for days in (0, 1)}
    assert with_stale_baselines(request, {"7d": [end]}, {"7d": known}) == {"7d": [end - DAY, end]}


def test_stale_baselines_of_all_horizons_are_built_in_the_order_of_their_ends() -> None:
    request = parse_request(BaselinesRequest, {}, NOW, DEFAULTS)
    end = parse_instant("2027-03-10")
    rows = {"7d": {end - 3 * DAY: LedgerRow("stale")}, "30d": {end - DAY: LedgerRow("stale")}}
    targets = with_stale_baselines(request, {"7d": [end], "30d": [end]}, rows)
    planned = plan_baselines(request, jobspecs(), targets, rows, NOW)
    assert [run.baselines for run in planned.runs[1:]] == [["7d 2027-03-07T00:00:00Z"], ["30d 2027-03-09T00:00:00Z"]]


def test_a_plan_does_not_change() -> None:
    request = parse_request(MiniBatchRequest, {}, NOW, DEFAULTS)
    with pytest.raises(ValidationError, match="frozen"):
        plan_mini_batch(request, jobspecs(), NOW).message = "another"


def test_a_ledger_item_that_can_not_be_read_is_named_and_skipped() -> None:
    specs, request = jobspecs(), parse_request(BaselinesRequest, {**WEEK, "horizon": "7d"}, NOW, DEFAULTS)
    targets = baseline_targets(request, specs["fg_b_builder"].spec, NOW)
    sixth = parse_instant("2026-01-06")
    rows = {"7d": {sixth: LedgerRow("unreadable", reason="the#key 2026-01-06T00:00:00Z: status is 'x'")}}
    for reprocess in ("none", "failed", "completed"):
        again = request.model_copy(update={"reprocess": reprocess})
        planned = plan_baselines(again, specs, targets, rows, NOW).document()
        assert [name[11:13] for run in planned["runs"] for name in run["baselines"]] == [
            *("05", "07", "08", "09", "10", "11")
        ]
        assert (
            "1 has a ledger item that cannot be read, skipped (the#key 2026-01-06T00:00:00Z: status is 'x')"
            in planned["message"]
        )
