"""Small real pipelines under the names that the machines start: one step, one script, the real ones' parameters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ministack_sagemaker.lifecycle import Account
from ndr.contract.pipelines import (
    COMPACTION_PIPELINE,
    FG_B_PIPELINE,
    INVENTORY_PIPELINE,
    MINI_BATCH_PIPELINE,
    SCORED_MINI_BATCH_PIPELINE,
)

_OF_A_BATCH = ["ProjectName", "FeatureSpecVersion", "MiniBatchId", "BatchStartTsIso", "BatchEndTsIso"]
PARAMETERS = {
    FG_B_PIPELINE: [
        *("ProjectName", "FeatureSpecVersion", "BaselineHorizon", "BaselineMode"),
        *("BaselineEndTsIso", "BackfillStartTsIso", "BackfillEndTsIso"),
    ],
    INVENTORY_PIPELINE: ["ProjectName", "FeatureSpecVersion", "ReferenceMonthIso"],
    COMPACTION_PIPELINE: ["ProjectName", "FeatureSpecVersion", "DayStartTsIso", "DayEndTsIso"],
    MINI_BATCH_PIPELINE: _OF_A_BATCH,
    SCORED_MINI_BATCH_PIPELINE: _OF_A_BATCH,
    "ndr-steerable": ["Behaviour", "Flag", "ProcessingImageUri", "ProcessingInstanceCount"],
}
PARAMETER_DEFAULT = "none"
# What the job does is told by its first argument: the project's name, or Behaviour.
SCRIPT = """
import os, pathlib, sys, time
arguments = sys.argv[1:]
def fail(reason):
    pathlib.Path(os.environ.get("NDR_OPT_ML", "/opt/ml"), "output/message").write_text(reason)
    sys.exit(1)
if arguments[0] == "succeed": time.sleep(0.3)
if arguments[0] == "sleep": time.sleep(20)
if arguments[0] == "fail-without" and not pathlib.Path(arguments[1]).exists(): fail("The flag is not there.")
if arguments[0] in ("unlucky", "doomed"): fail("The project is unlucky.")
flag = pathlib.Path("FLAGS", "-".join(arguments).replace(":", ""))
if arguments[0] == "flaky" and not flag.exists(): flag.touch(); fail("The first try fails.")
go = pathlib.Path("FLAGS", "go-" + arguments[0])
until = time.monotonic() + 120
while arguments[0].startswith("left-") and not go.exists() and time.monotonic() < until: time.sleep(0.02)
if arguments[0] == "partly" and arguments[5] == "2026-01-11T00:00:00Z": fail("No slice of 2026-01-11 is published.")
"""


def register(account: Account, bucket: str, role: str, flags: Path) -> None:
    """Register the pipelines over those of the deploy; their one script leaves flags to tell tries apart."""
    script = SCRIPT.replace("FLAGS", str(flags))
    account.client("s3").put_object(Bucket=bucket, Key="machines-test/run.py", Body=script.encode())
    sagemaker = account.client("sagemaker")
    for name, parameters in PARAMETERS.items():
        register_pipeline = sagemaker.create_pipeline if name == "ndr-steerable" else sagemaker.update_pipeline
        text = json.dumps(definition(parameters, bucket, role))
        register_pipeline(PipelineName=name, PipelineDefinition=text, RoleArn=role)


def definition(parameters: list[str], bucket: str, role: str) -> dict[str, Any]:
    """A pipeline of one step, whose script `machines-test/run.py` in a bucket is given the parameters."""
    code = {
        "S3Uri": f"s3://{bucket}/machines-test/",
        "LocalPath": "/opt/ml/processing/input/code",
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
    }
    step = {
        "Name": "OnlyStep",
        "Type": "Processing",
        "Arguments": {
            "ProcessingResources": {
                "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30}
            },
            "AppSpecification": {
                "ImageUri": "image",
                "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/run.py"],
                "ContainerArguments": [{"Get": f"Parameters.{name}"} for name in parameters],
            },
            "RoleArn": role,
            "ProcessingInputs": [{"InputName": "code", "S3Input": code}],
        },
    }
    declared = [{"Name": name, "Type": "String", "DefaultValue": PARAMETER_DEFAULT} for name in parameters]
    return {"Version": "2020-12-01", "Parameters": declared, "Steps": [step]}
