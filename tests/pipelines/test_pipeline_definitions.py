"""The registered definitions, field by field: names, order, parameters, command lines, code, retries."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.httpsession import URLLib3Session
from sagemaker.core.config.config_manager import SageMakerConfig

from ndr.contract import errors
from ndr.pipeline.bundle import code as code_bundle
from ndr.pipeline.processing.instances import network_config
from ndr.pipeline.sagemaker_pipeline_definitions import build_ndr_15m_pipeline
from ndr.pipeline.sagemaker_pipeline_definitions_compaction import build_compaction_pipeline
from ndr.pipeline.sagemaker_pipeline_definitions_fg_b import build_fg_b_baseline_pipeline
from ndr.pipeline.sagemaker_pipeline_definitions_unified_with_fgc import (
    build_machine_inventory_unload_pipeline,
    build_ndr_15m_pipeline_with_fgc,
)
from ndr.pipeline.sagemaker_pipeline_definitions_with_pairs import (
    build_ndr_15m_pipeline_with_pairs,
    build_ndr_15m_single_step_pipeline,
)
from ndr.pipeline.sdk import Pipeline

ROLE = "arn:aws:iam::123456789012:role/service-role/ndr-pipelines"
REGION = "eu-central-1"
BUCKET = "ndr-code"
IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/ndr-processing:latest"
SPARK_IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/ndr-processing:spark"
SCRIPTS = (
    "run_delta_builder.py",
    "run_fg_a_builder.py",
    "run_pair_counts_builder.py",
    "run_fg_c_builder.py",
    "run_fifteen_minute_batch.py",
    "run_fg_b_builder.py",
    "run_machine_inventory_unload.py",
    "run_compaction.py",
    "run_report.py",
)
BUILDERS = (
    build_ndr_15m_pipeline_with_pairs,
    build_ndr_15m_pipeline_with_fgc,
    build_ndr_15m_single_step_pipeline,
    build_fg_b_baseline_pipeline,
    build_machine_inventory_unload_pipeline,
    build_compaction_pipeline,
)


@pytest.fixture(scope="module", autouse=True)
def quiet_environment() -> Iterator[None]:
    """An environment without settings of regions, images and tables, and without instance metadata."""
    with pytest.MonkeyPatch.context() as patch:
        settings = ("NDR_PROCESSING_IMAGE_URI", "NDR_JOBSPEC_TABLE", "NDR_LEDGER_TABLE", "NDR_KMS_KEY_ARN")
        for name in ("AWS_DEFAULT_REGION", *settings):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        # The SDK validates its configuration at every look-up, which takes a tenth of a second.
        patch.setattr(SageMakerConfig, "validate_sagemaker_config", staticmethod(lambda _: None))
        yield


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small source tree for the bundles."""
    folder = tmp_path_factory.mktemp("sources")
    for package in code_bundle.JOB_PACKAGES:
        (folder / package.replace(".", "/")).mkdir(parents=True)
        (folder / package.replace(".", "/") / "__init__.py").write_text("")
    for script in SCRIPTS:
        (folder / "ndr/jobs" / script).write_text(f"print({script!r})\n")
    # The definitions import the contract, and the process of one test has only this copy of it.
    shutil.copy(errors.__file__, folder / "ndr/contract/errors.py")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(code_bundle, "package_folder", lambda package: folder / package.replace(".", "/"))
        yield folder


@cache
def pipeline_of(build: Callable[..., Pipeline]) -> Pipeline:
    return build(ROLE, REGION, BUCKET)


@cache
def text_of(build: Callable[..., Pipeline]) -> str:
    definition: str = pipeline_of(build).definition()
    return definition


def definition_of(build: Callable[..., Pipeline]) -> dict[str, Any]:
    definition: dict[str, Any] = json.loads(text_of(build))
    return definition


def string(name: str, default: str | None = None, enum: list[str] | None = None) -> dict[str, Any]:
    optional = {"DefaultValue": default, "EnumValues": enum}
    return {"Name": name, "Type": "String"} | {key: value for key, value in optional.items() if value is not None}


def get(parameter: str) -> dict[str, str]:
    return {"Get": f"Parameters.{parameter}"}


@pytest.mark.usefixtures("sources")
@pytest.mark.parametrize("build", BUILDERS[:3])
def test_parameters_of_the_15_minute_pipeline(build: Callable[..., Pipeline]) -> None:
    assert definition_of(build)["Parameters"] == [
        string("ProjectName", "ndr-prod"),
        string("FeatureSpecVersion", "v1"),
        string("MiniBatchId"),
        string("BatchStartTsIso"),
        string("BatchEndTsIso"),
        string("ProcessingImageUri", IMAGE),
        string("ProcessingInstanceType", "ml.m5.xlarge"),
        {"Name": "ProcessingInstanceCount", "Type": "Integer", "DefaultValue": 1},
        string("ReplaceWithEmpty", "false", ["true", "false"]),
    ]


@pytest.mark.usefixtures("sources")
def test_parameters_of_the_fg_b_pipeline() -> None:
    assert definition_of(build_fg_b_baseline_pipeline)["Parameters"] == [
        string("ProjectName", "ndr-prod"),
        string("FeatureSpecVersion", "v1"),
        string("BaselineHorizon", "both", ["7d", "30d", "both"]),
        string("BaselineMode", "REGULAR", ["REGULAR", "BACKFILL"]),
        string("BaselineEndTsIso", "none"),
        string("BackfillStartTsIso", "none"),
        string("BackfillEndTsIso", "none"),
        string("ProcessingImageUri", IMAGE),
        string("ProcessingInstanceType", "ml.m5.xlarge"),
        {"Name": "ProcessingInstanceCount", "Type": "Integer", "DefaultValue": 1},
    ]


@pytest.mark.usefixtures("sources")
def test_parameters_of_the_inventory_pipeline() -> None:
    assert definition_of(build_machine_inventory_unload_pipeline)["Parameters"] == [
        string("ProjectName", "ndr-prod"),
        string("FeatureSpecVersion", "v1"),
        string("ReferenceMonthIso"),
        string("InstanceType", "ml.m5.xlarge"),
        {"Name": "InstanceCount", "Type": "Integer", "DefaultValue": 1},
        string("ImageUri", IMAGE),
        string("ReplaceWithEmpty", "false", ["true", "false"]),
    ]


@pytest.mark.usefixtures("sources")
def test_parameters_of_the_compaction_pipeline() -> None:
    assert definition_of(build_compaction_pipeline)["Parameters"] == [
        string("ProjectName", "ndr-prod"),
        string("FeatureSpecVersion", "v1"),
        string("DayStartTsIso"),
        string("DayEndTsIso"),
        string("ProcessingImageUri", IMAGE),
        string("ProcessingInstanceType", "ml.m5.xlarge"),
        {"Name": "ProcessingInstanceCount", "Type": "Integer", "DefaultValue": 1},
    ]


BATCH_ARGUMENTS = [
    *("--project-name", get("ProjectName")),
    *("--feature-spec-version", get("FeatureSpecVersion")),
    *("--mini-batch-id", get("MiniBatchId")),
    *("--batch-start-ts-iso", get("BatchStartTsIso")),
    *("--batch-end-ts-iso", get("BatchEndTsIso")),
    *("--replace-with-empty", get("ReplaceWithEmpty")),
]
BASELINE_ARGUMENTS = [
    *("--project-name", get("ProjectName")),
    *("--feature-spec-version", get("FeatureSpecVersion")),
    *("--baseline-horizon", get("BaselineHorizon")),
    *("--baseline-mode", get("BaselineMode")),
    *("--baseline-end-ts-iso", get("BaselineEndTsIso")),
    *("--backfill-start-ts-iso", get("BackfillStartTsIso")),
    *("--backfill-end-ts-iso", get("BackfillEndTsIso")),
]
COMPACTION_ARGUMENTS = [
    *("--project-name", get("ProjectName")),
    *("--feature-spec-version", get("FeatureSpecVersion")),
    *("--day-start-ts-iso", get("DayStartTsIso")),
    *("--day-end-ts-iso", get("DayEndTsIso")),
]
REPORT_ARGUMENTS = [
    *("--project-name", get("ProjectName")),
    *("--feature-spec-version", get("FeatureSpecVersion")),
    *("--stack-name", "none"),
]
INVENTORY_ARGUMENTS = [
    *("--project-name", get("ProjectName")),
    *("--feature-spec-version", get("FeatureSpecVersion")),
    *("--reference-month-iso", get("ReferenceMonthIso")),
    *("--replace-with-empty", get("ReplaceWithEmpty")),
]


@pytest.mark.usefixtures("sources")
@pytest.mark.parametrize(
    ("build", "steps"),
    [
        (
            build_ndr_15m_pipeline_with_pairs,
            [
                ("DeltaBuilderStep", "run_delta_builder.py", BATCH_ARGUMENTS, None),
                ("FGABuilderStep", "run_fg_a_builder.py", BATCH_ARGUMENTS, ["DeltaBuilderStep"]),
                ("PairCountsBuilderStep", "run_pair_counts_builder.py", BATCH_ARGUMENTS, ["DeltaBuilderStep"]),
            ],
        ),
        (
            build_ndr_15m_pipeline_with_fgc,
            [
                ("DeltaBuilderStep", "run_delta_builder.py", BATCH_ARGUMENTS, None),
                ("FGABuilderStep", "run_fg_a_builder.py", BATCH_ARGUMENTS, ["DeltaBuilderStep"]),
                ("PairCountsBuilderStep", "run_pair_counts_builder.py", BATCH_ARGUMENTS, ["DeltaBuilderStep"]),
                (
                    "FGCCorrBuilderStep",
                    "run_fg_c_builder.py",
                    BATCH_ARGUMENTS,
                    ["FGABuilderStep", "PairCountsBuilderStep"],
                ),
            ],
        ),
        (
            build_ndr_15m_single_step_pipeline,
            [("FifteenMinuteStep", "run_fifteen_minute_batch.py", BATCH_ARGUMENTS, None)],
        ),
        (
            build_fg_b_baseline_pipeline,
            [("FGBaselineBuilderStep", "run_fg_b_builder.py", BASELINE_ARGUMENTS, None)],
        ),
        (
            build_machine_inventory_unload_pipeline,
            [("MachineInventoryUnloadStep", "run_machine_inventory_unload.py", INVENTORY_ARGUMENTS, None)],
        ),
        (
            build_compaction_pipeline,
            [
                ("CompactionStep", "run_compaction.py", COMPACTION_ARGUMENTS, None),
                ("ReportStep", "run_report.py", REPORT_ARGUMENTS, ["CompactionStep"]),
            ],
        ),
    ],
)
def test_steps_their_scripts_command_lines_and_order(
    build: Callable[..., Pipeline], steps: list[tuple[Any, ...]]
) -> None:
    found = [
        (
            step["Name"],
            step["Arguments"]["AppSpecification"]["ContainerEntrypoint"],
            step["Arguments"]["AppSpecification"]["ContainerArguments"],
            step.get("DependsOn"),
            step["Type"],
        )
        for step in definition_of(build)["Steps"]
    ]
    assert found == [
        (name, ["python3", f"/opt/ml/processing/input/code/{script}"], arguments, after, "Processing")
        for name, script, arguments, after in steps
    ]


@pytest.mark.usefixtures("sources")
@pytest.mark.parametrize("build", BUILDERS)
def test_everything_else_in_a_step(build: Callable[..., Pipeline]) -> None:
    digest = code_bundle.CodeBundle.of_installed_packages().digest
    prefix = "" if build is build_machine_inventory_unload_pipeline else "Processing"
    for step in definition_of(build)["Steps"]:
        # There are no other keys, so no CacheConfig.
        assert set(step) - {"DependsOn"} == {"Name", "Type", "Arguments", "RetryPolicies"}
        arguments = step["Arguments"]
        application = arguments.pop("AppSpecification")
        assert set(application) == {"ImageUri", "ContainerArguments", "ContainerEntrypoint"}
        assert application["ImageUri"] == get(f"{prefix}ImageUri")
        assert arguments == {
            "ProcessingResources": {
                "ClusterConfig": {
                    "InstanceType": get(f"{prefix}InstanceType"),
                    "InstanceCount": get(f"{prefix}InstanceCount"),
                    "VolumeSizeInGB": 30,
                }
            },
            "RoleArn": ROLE,
            "ProcessingInputs": [
                {
                    "InputName": "code",
                    "S3Input": {
                        "S3Uri": f"s3://{BUCKET}/code/{digest}/",
                        "LocalPath": "/opt/ml/processing/input/code",
                        "S3DataType": "S3Prefix",
                        "S3InputMode": "File",
                        "S3DataDistributionType": "FullyReplicated",
                        "S3CompressionType": "None",
                    },
                }
            ],
            "Environment": {
                "NDR_JOBSPEC_TABLE": "ndr-jobspecs",
                "NDR_LEDGER_TABLE": "ndr-ledger",
                "AWS_REGION": REGION,
                "AWS_DEFAULT_REGION": REGION,
                "NDR_CODE_VERSION": digest,
                "NDR_SPARK_PROCESSING_IMAGE_URI": SPARK_IMAGE,
                "NDR_PIPELINE_EXECUTION": {"Get": "Execution.PipelineExecutionArn"},
                "PYTHONHASHSEED": "0",
            },
        }


@pytest.mark.usefixtures("sources")
@pytest.mark.parametrize("build", BUILDERS)
def test_every_step_retries_transient_failures_only(build: Callable[..., Pipeline]) -> None:
    for step in definition_of(build)["Steps"]:
        assert step["RetryPolicies"] == [
            {
                "ExceptionType": ["Step.SERVICE_FAULT", "Step.THROTTLING"],
                "IntervalSeconds": 5,
                "BackoffRate": 2.0,
                "MaxAttempts": 5,
            },
            {
                "ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"],
                "IntervalSeconds": 60,
                "BackoffRate": 2.0,
                "MaxAttempts": 3,
            },
            {
                "ExceptionType": ["SageMaker.CAPACITY_ERROR"],
                "IntervalSeconds": 300,
                "BackoffRate": 1.5,
                "ExpireAfterMin": 240,
            },
            {
                "ExceptionType": ["SageMaker.RESOURCE_LIMIT"],
                "IntervalSeconds": 120,
                "BackoffRate": 2.0,
                "ExpireAfterMin": 120,
            },
        ]


@pytest.mark.usefixtures("sources")
def test_names_and_the_users_old_entry_point() -> None:
    assert [pipeline_of(build).name for build in BUILDERS] == [
        "ndr-15m-pipeline",
        "ndr-15m-pipeline-with-fgc",
        "ndr-15m-pipeline",
        "ndr-fg-b-baseline-pipeline",
        "ndr-machine-inventory-unload",
        "ndr-compaction",
    ]
    named = build_machine_inventory_unload_pipeline(
        role_arn=ROLE, region_name=REGION, default_bucket=BUCKET, pipeline_name="another-name"
    )
    assert named.name == "another-name"
    old = build_ndr_15m_pipeline(role_arn=ROLE, region=REGION, default_bucket=BUCKET)
    assert isinstance(old, Pipeline)
    assert old.name == "ndr-15m-pipeline"
    assert old.definition() == text_of(build_ndr_15m_pipeline_with_pairs)


@pytest.mark.usefixtures("sources")
@pytest.mark.parametrize("build", BUILDERS)
def test_a_definition_is_made_without_any_aws_call_or_default_region(
    build: Callable[..., Pipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object, request: Any) -> None:
        raise AssertionError(f"called {request.url}")

    monkeypatch.setattr(URLLib3Session, "send", refuse)
    pipeline = build(ROLE, REGION, BUCKET)
    assert json.loads(pipeline.definition())["Version"] == "2020-12-01"
    assert "AWS_DEFAULT_REGION" not in os.environ


@pytest.mark.usefixtures("sources")
def test_image_and_tables_come_from_the_environment_of_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NDR_PROCESSING_IMAGE_URI", "registry.example/ndr:7")
    monkeypatch.setenv("NDR_SPARK_PROCESSING_IMAGE_URI", "registry.example/ndr:7-spark")
    monkeypatch.setenv("NDR_JOBSPEC_TABLE", "specs-of-another-stack")
    monkeypatch.setenv("NDR_LEDGER_TABLE", "ledger-of-another-stack")
    definition = json.loads(build_fg_b_baseline_pipeline(ROLE, REGION, BUCKET).definition())
    assert string("ProcessingImageUri", "registry.example/ndr:7") in definition["Parameters"]
    environment = definition["Steps"][0]["Arguments"]["Environment"]
    assert environment["NDR_SPARK_PROCESSING_IMAGE_URI"] == "registry.example/ndr:7-spark"
    assert environment["NDR_JOBSPEC_TABLE"] == "specs-of-another-stack"
    assert environment["NDR_LEDGER_TABLE"] == "ledger-of-another-stack"


@pytest.mark.usefixtures("sources")
@pytest.mark.parametrize("build", BUILDERS)
def test_volumes_and_jobs_use_the_kms_key_of_the_build(
    build: Callable[..., Pipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Kms" not in text_of(build)
    assert "KMS" not in text_of(build)
    key = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    monkeypatch.setenv("NDR_KMS_KEY_ARN", key)
    for step in json.loads(build(ROLE, REGION, BUCKET).definition())["Steps"]:
        assert step["Arguments"]["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == key
        assert step["Arguments"]["Environment"]["NDR_KMS_KEY_ARN"] == key


@pytest.mark.usefixtures("sources")
@pytest.mark.parametrize("build", BUILDERS)
def test_volumes_network_and_buckets_come_from_the_environment_of_the_build(
    build: Callable[..., Pipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "NetworkConfig" not in text_of(build)
    arns = "arn:aws:s3:::corp-zeek,arn:aws:s3:::corp-flows"
    given = {
        "NDR_VOLUME_SIZE_GB": "200",
        "NDR_SUBNET_IDS": "subnet-0a,subnet-0b",
        "NDR_SECURITY_GROUP_IDS": "sg-0c",
        "NDR_ENCRYPT_INTER_CONTAINER_TRAFFIC": "true",
        "NDR_DATA_BUCKET": "ndr-data",
        "NDR_TRAFFIC_BUCKET_ARNS": arns,
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    for step in json.loads(build(ROLE, REGION, BUCKET).definition())["Steps"]:
        arguments = step["Arguments"]
        assert arguments["ProcessingResources"]["ClusterConfig"]["VolumeSizeInGB"] == 200
        assert arguments["NetworkConfig"] == {
            "EnableNetworkIsolation": False,
            "EnableInterContainerTrafficEncryption": True,
            "VpcConfig": {"SecurityGroupIds": ["sg-0c"], "Subnets": ["subnet-0a", "subnet-0b"]},
        }
        assert (arguments["Environment"]["NDR_DATA_BUCKET"], arguments["Environment"]["NDR_TRAFFIC_BUCKET_ARNS"]) == (
            "ndr-data",
            arns,
        )


@pytest.mark.parametrize(
    ("variable", "given", "absent"),
    [
        ("NDR_SUBNET_IDS", "VpcSubnetIds", "VpcSecurityGroupIds"),
        ("NDR_SECURITY_GROUP_IDS", "VpcSecurityGroupIds", "VpcSubnetIds"),
    ],
)
def test_a_network_is_given_whole(variable: str, given: str, absent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "x-1")
    with pytest.raises(errors.InvalidRequestError, match=rf"^{given} is set and {absent} is not"):
        network_config()


def test_traffic_is_encrypted_without_a_vpc_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NDR_ENCRYPT_INTER_CONTAINER_TRAFFIC", "true")
    network = network_config()
    assert network is not None
    assert network._to_request_dict() == {
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": True,
    }


@pytest.mark.usefixtures("sources")
def test_the_image_is_in_the_registry_of_the_roles_partition() -> None:
    pipeline = build_fg_b_baseline_pipeline("arn:aws-cn:iam::210987654321:role/ndr", "cn-north-1", BUCKET)
    image = "210987654321.dkr.ecr.cn-north-1.amazonaws.com.cn/ndr-processing:latest"
    assert string("ProcessingImageUri", image) in json.loads(pipeline.definition())["Parameters"]


@pytest.mark.usefixtures("sources")
@pytest.mark.parametrize("role", ["ndr-role", "arn:aws:iam:::role/ndr", "arn:aws:s3:::bucket", ""])
def test_a_role_that_is_not_an_arn_is_refused_with_an_example(role: str) -> None:
    with pytest.raises(errors.InvalidRequestError, match=r"not a role ARN\. Write arn:aws:iam::<account>:role/<name>"):
        build_machine_inventory_unload_pipeline(role, REGION, BUCKET)


def test_a_missing_script_is_refused_by_name(sources: Path) -> None:
    script = sources / "ndr/jobs/run_fg_a_builder.py"
    content = script.read_text()
    script.unlink()
    with pytest.raises(FileNotFoundError, match=r"no entry script run_fg_a_builder\.py"):
        build_ndr_15m_pipeline(ROLE, REGION, BUCKET)
    script.write_text(content)


@pytest.mark.parametrize("build", BUILDERS)
def test_one_changed_byte_in_the_sources_changes_the_definition(build: Callable[..., Pipeline], sources: Path) -> None:
    before = text_of(build)
    (sources / "ndr/contract/__init__.py").write_text(" ")
    changed = build(ROLE, REGION, BUCKET).definition()
    (sources / "ndr/contract/__init__.py").write_text("")
    assert changed != before
    assert build(ROLE, REGION, BUCKET).definition() == before


BUILD_AND_PRINT = """
import logging, os, boto3
from ndr.pipeline.sagemaker_pipeline_definitions import build_ndr_15m_pipeline
assert "AWS_DEFAULT_REGION" not in os.environ and boto3.DEFAULT_SESSION is None
assert (logging.getLogger().handlers, logging.getLogger().level) == ([], logging.WARNING)
print(build_ndr_15m_pipeline({role!r}, {region!r}, {bucket!r}).definition())
"""


def test_another_process_elsewhere_yields_the_same_bytes(
    sources: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A copy of the sources at another path, another hash seed, no home, no region in the environment."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(sources / "ndr", elsewhere / "ndr")
    definitions = Path(code_bundle.__file__).parents[3]

    ran = subprocess.run(
        [sys.executable, "-c", BUILD_AND_PRINT.format(role=ROLE, region=REGION, bucket=BUCKET)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={
            "PYTHONPATH": f"{elsewhere}:{definitions}",
            "PYTHONHASHSEED": "4711",
            "HOME": "/nonexistent",
            "TZ": "Asia/Tokyo",
        },
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == text_of(build_ndr_15m_pipeline_with_pairs) + "\n"
