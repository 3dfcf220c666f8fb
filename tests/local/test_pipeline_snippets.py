"""The integration snippets of the pipelines' reference, as users have them in their code, against the account."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ministack_sagemaker.lifecycle import Account
from ministack_sagemaker.testing import JOBS_ROLE
from ndr.pipeline.bundle import code as code_bundle

BUCKET = "ndr-snippets"
SCRIPTS = (
    "delta_builder",
    "fg_a_builder",
    "pair_counts_builder",
    "fg_b_builder",
    "machine_inventory_unload",
    "compaction",
)
# Each script reports its command line, and imports what only the bundle beside it has.
SCRIPT = """
import json, os, sys
import boto3
from ndr.contract.only_here import WORD
from ndr.jobs.report import NAME
body = {"argv": sys.argv[1:], "word": WORD + NAME, "code": os.environ["NDR_CODE_VERSION"]}
name = os.path.basename(sys.argv[0])
boto3.client("s3").put_object(Bucket="ndr-snippets", Key="reports/" + name, Body=json.dumps(body).encode())
"""


@pytest.fixture
def role_arn(account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The process as a user of the account, with a bucket, a role and a small source tree."""
    for name, value in account.environment().items():
        monkeypatch.setenv(name, value)
    for package in code_bundle.JOB_PACKAGES:
        (tmp_path / package.replace(".", "/")).mkdir(parents=True)
        (tmp_path / package.replace(".", "/") / "__init__.py").write_text("")
    (tmp_path / "ndr/contract/only_here.py").write_text("WORD = 'from the '\n")
    (tmp_path / "ndr/jobs/report.py").write_text("NAME = 'bundle'\n")
    for script in SCRIPTS:
        (tmp_path / f"ndr/jobs/run_{script}.py").write_text(SCRIPT)
    monkeypatch.setattr(code_bundle, "package_folder", lambda package: tmp_path / package.replace(".", "/"))
    account.client("s3").create_bucket(Bucket=BUCKET)
    return JOBS_ROLE


def report_of(account: Account, script: str) -> dict[str, Any]:
    body = account.client("s3").get_object(Bucket=BUCKET, Key=f"reports/{script}")["Body"].read()
    report: dict[str, Any] = json.loads(body)
    return report


def steps_of_finished(account: Account, execution_arn: str) -> list[tuple[str, str]]:
    sagemaker = account.client("sagemaker")
    deadline = time.monotonic() + 60
    while sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution_arn)["PipelineExecutionStatus"] == (
        "Executing"
    ):
        assert time.monotonic() < deadline, "the execution did not end"
        time.sleep(0.1)
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=execution_arn, SortOrder="Ascending")
    return [(step["StepName"], step["StepStatus"]) for step in steps["PipelineExecutionSteps"]]


def snippet_15_minutes() -> Callable[..., Any]:
    from ndr.pipeline.sagemaker_pipeline_definitions_with_pairs import (
        build_ndr_15m_pipeline_with_pairs,
    )

    def build_ndr_15m_pipeline(role_arn: str, region: str, default_bucket: str):  # type: ignore[no-untyped-def]
        return build_ndr_15m_pipeline_with_pairs(
            role_arn=role_arn,
            region=region,
            default_bucket=default_bucket,
            pipeline_name="ndr-15m-pipeline",
        )

    return build_ndr_15m_pipeline


def snippet_fg_b() -> Callable[..., Any]:
    from ndr.pipeline.sagemaker_pipeline_definitions_fg_b import (
        build_fg_b_baseline_pipeline,
    )

    def build_and_register_fg_b_pipeline(role_arn: str, region: str, bucket: str):  # type: ignore[no-untyped-def]
        pipeline = build_fg_b_baseline_pipeline(
            role_arn=role_arn,
            region=region,
            default_bucket=bucket,
        )
        pipeline.upsert(role_arn)
        return pipeline

    return build_and_register_fg_b_pipeline


def snippet_machine_inventory() -> Callable[..., Any]:
    from ndr.pipeline.sagemaker_pipeline_definitions_unified_with_fgc import (
        build_machine_inventory_unload_pipeline,
    )

    def build_and_register_machine_inventory_pipeline(role_arn: str, region: str, bucket: str):  # type: ignore[no-untyped-def]
        pipeline = build_machine_inventory_unload_pipeline(
            role_arn=role_arn,
            region_name=region,
            default_bucket=bucket,
            pipeline_name="ndr-machine-inventory-unload",
        )
        pipeline.upsert(role_arn)
        return pipeline

    return build_and_register_machine_inventory_pipeline


def snippet_compaction() -> Callable[..., Any]:
    from ndr.pipeline.sagemaker_pipeline_definitions_compaction import (
        build_compaction_pipeline,
    )

    def build_and_register_compaction_pipeline(role_arn: str, region: str, bucket: str):  # type: ignore[no-untyped-def]
        pipeline = build_compaction_pipeline(
            role_arn=role_arn,
            region=region,
            default_bucket=bucket,
        )
        pipeline.upsert(role_arn)
        return pipeline

    return build_and_register_compaction_pipeline


def test_15_minute_pipeline_runs_two_steps_after_the_deltas(account: Account, role_arn: str) -> None:
    pipeline = snippet_15_minutes()(role_arn, account.region, BUCKET)
    pipeline.upsert(role_arn)
    parameters = {
        "MiniBatchId": "b1",
        "BatchStartTsIso": "2026-01-01T00:00:00Z",
        "BatchEndTsIso": "2026-01-01T00:15:00Z",
    }

    execution = pipeline.start(parameters)

    first, *others = steps_of_finished(account, execution.arn)
    assert first == ("DeltaBuilderStep", "Succeeded")
    assert sorted(others) == [("FGABuilderStep", "Succeeded"), ("PairCountsBuilderStep", "Succeeded")]
    for script in ("run_delta_builder.py", "run_fg_a_builder.py", "run_pair_counts_builder.py"):
        assert report_of(account, script) == {
            "argv": [
                *("--project-name", "ndr-prod", "--feature-spec-version", "v1", "--mini-batch-id", "b1"),
                *("--batch-start-ts-iso", "2026-01-01T00:00:00Z", "--batch-end-ts-iso", "2026-01-01T00:15:00Z"),
                *("--replace-with-empty", "false"),
            ],
            "word": "from the bundle",
            "code": pipeline.code.digest,
        }


def test_fg_b_pipeline_starts_with_overrides_only(account: Account, role_arn: str) -> None:
    register = snippet_fg_b()
    register(role_arn, account.region, BUCKET)
    pipeline = register(role_arn, account.region, BUCKET)  # registered a second time: an update

    execution = pipeline.start(
        parameters={
            "BaselineMode": "BACKFILL",
            "BaselineHorizon": "30d",
            "BackfillStartTsIso": "2026-01-01T00:00:00Z",
            "BackfillEndTsIso": "2026-04-01T00:00:00Z",
        }
    )

    assert steps_of_finished(account, execution.arn) == [("FGBaselineBuilderStep", "Succeeded")]
    argv = report_of(account, "run_fg_b_builder.py")["argv"]
    assert dict(zip(argv[::2], argv[1::2], strict=True)) == {
        "--project-name": "ndr-prod",
        "--feature-spec-version": "v1",
        "--baseline-horizon": "30d",
        "--baseline-mode": "BACKFILL",
        "--baseline-end-ts-iso": "none",
        "--backfill-start-ts-iso": "2026-01-01T00:00:00Z",
        "--backfill-end-ts-iso": "2026-04-01T00:00:00Z",
    }


def test_machine_inventory_pipeline_runs_for_a_month(account: Account, role_arn: str) -> None:
    pipeline = snippet_machine_inventory()(role_arn, account.region, BUCKET)
    execution = pipeline.start({"ReferenceMonthIso": "2026-01"})
    assert steps_of_finished(account, execution.arn) == [("MachineInventoryUnloadStep", "Succeeded")]
    assert report_of(account, "run_machine_inventory_unload.py")["argv"] == [
        *("--project-name", "ndr-prod", "--feature-spec-version", "v1", "--reference-month-iso", "2026-01"),
        *("--replace-with-empty", "false"),
    ]


def test_compaction_pipeline_runs_for_days(account: Account, role_arn: str) -> None:
    pipeline = snippet_compaction()(role_arn, account.region, BUCKET)
    execution = pipeline.start({"DayStartTsIso": "2026-01-01", "DayEndTsIso": "2026-01-03"})
    assert steps_of_finished(account, execution.arn) == [("CompactionStep", "Succeeded"), ("ReportStep", "Succeeded")]
    assert report_of(account, "run_compaction.py")["argv"] == [
        *("--project-name", "ndr-prod", "--feature-spec-version", "v1"),
        *("--day-start-ts-iso", "2026-01-01", "--day-end-ts-iso", "2026-01-03"),
    ]
    assert report_of(account, "run_report.py")["argv"] == [
        *("--project-name", "ndr-prod", "--feature-spec-version", "v1", "--stack-name", "none"),
    ]
