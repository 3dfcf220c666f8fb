from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.statemachines.jobspecs import documents

from ndr.contract.errors import InvalidRequestError, JobSpecInvalidError
from ndr.contract.jobspecs import JobName, JobSpec, check_jobspecs, parse_jobspec
from ndr.contract.ledger import ledger_key
from ndr.contract.planning import baseline_targets, plan_baselines, plan_mini_batch
from ndr.contract.planning.limits import HISTORY_EVENTS, PAYLOAD_BYTES, history_events, plan_bytes
from ndr.contract.requests import BaselinesRequest, MiniBatchRequest, parse_request
from ndr.contract.time import parse_instant

NOW = datetime(2027, 3, 10, 1, 2, 3, tzinfo=UTC)
DEFAULTS = {"project_name": "ndr-prod", "feature_spec_version": "v1"}


def jobspecs(**images: str) -> dict[JobName, JobSpec]:
    written = documents("ndr-prod")
    for document in written:
        if document["job_name"] in images:
            document["spec"]["processing_image_uri"] = images[document["job_name"]]
    return check_jobspecs([parse_jobspec(document) for document in written])


def plan(document: dict[str, Any], ledger: dict[str, dict[str, str]] | None = None, **images: str) -> dict[str, Any]:
    specs = jobspecs(**images)
    request = parse_request(BaselinesRequest, document, NOW, DEFAULTS)
    targets = baseline_targets(request, specs["fg_b_builder"].spec, NOW)
    statuses = {
        horizon: {parse_instant(end): status for end, status in (ledger or {}).get(horizon, {}).items()}
        for horizon in targets
    }
    return plan_baselines(request, specs, targets, statuses, NOW)


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
    assert planned["inventory"] is None
    assert planned["message"] == "2 baselines of ndr-prod v1 to build in 1 pipeline executions."


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
    assert '1 are completed and skipped; write "reprocess": "completed" to build them.' in planned["message"]


def test_a_backfill_window_names_the_ends_that_the_schedules_would_have_built() -> None:
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
        ("none", ["08", "11"], {"completed": 1, "failed": 2, "running": 1, "insufficient_history": 1}),
        ("failed", ["05", "06", "08", "09", "10", "11"], {"completed": 1}),
        ("completed", ["05", "06", "07", "08", "09", "10", "11"], {}),
    ],
)
def test_reprocess_says_what_is_built_again(reprocess: str, built: list[str], skipped: dict[str, int]) -> None:
    statuses = {
        "2026-01-05": "failed",
        "2026-01-06": "failed",
        "2026-01-07": "completed",
        "2026-01-09": "running",
        "2026-01-10": "insufficient_history",
    }
    planned = plan({**WEEK, "horizon": "7d", "reprocess": reprocess}, {"7d": statuses})
    assert [name[11:13] for run in planned["runs"] for name in run["baselines"]] == built
    assert planned["baselines"] == len(built)
    assert {item["status"]: item["count"] for item in planned["skipped"]} == skipped
    for status, count in skipped.items():
        word = "completed" if status == "completed" else "failed"
        assert f'{count} are {status} and skipped; write "reprocess": "{word}"' in planned["message"]


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


@pytest.mark.parametrize(("window_days", "windows"), [(28, 14), (7, 53), (1, 365)])
def test_a_year_fits_payload_and_history(window_days: int, windows: int) -> None:
    planned = plan({**YEAR, "window_days": window_days})
    assert len(planned["runs"]) == windows
    assert planned["baselines"] == 365 + 52
    assert plan_bytes(planned) < PAYLOAD_BYTES * 7 // 8
    assert history_events(windows, planned["baselines"]) < HISTORY_EVENTS


def test_a_thousand_windows_fit_and_a_plan_that_does_not_is_refused_with_advice() -> None:
    start = parse_instant("2027-01-01") - timedelta(days=1000)
    document = {"mode": "BACKFILL", "start": start.isoformat(), "end": "2027-01-01", "window_days": 1}
    assert len(plan(document)["runs"]) == 1000
    with pytest.raises(InvalidRequestError, match="Write a larger window_days, or split"):
        plan({**document, "start": "2020-01-01"})


def test_a_plan_is_json() -> None:
    planned = plan({**YEAR, "inventory": True})
    assert json.loads(json.dumps(planned)) == planned


def test_the_mini_batch_names_its_interval_and_the_shared_image() -> None:
    request = parse_request(MiniBatchRequest, {}, NOW, DEFAULTS)
    planned = plan_mini_batch(request, jobspecs(delta_builder="account/image:3"), NOW)
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
