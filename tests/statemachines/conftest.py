"""The real template deployed into the account, with small pipelines and JobSpecs, and every scenario run once."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.statemachines.jobspecs import put_documents
from tests.statemachines.machines import Machines
from tests.statemachines.scenarios import Scenarios
from tests.statemachines.stack import deploy_small

from ministack_sagemaker.lifecycle import Account

LEFT = ("left-windows", "left-inventory", "left-batch", "left-twins")
PROJECTS = ("lucky", "unlucky", "partly", "built", "flaky", "held", "silent", "changed", *LEFT)
IN_THE_BUCKET = (
    "gappy",
    "doomed",
    "tardy",
    "slices",
    "left-fill",
    "left-files",
)  # their prefixes can be seen; the others' bucket is not there


@pytest.fixture(scope="session")
def flags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the small pipelines leave flags, and wait for some."""
    return tmp_path_factory.mktemp("tries")


@pytest.fixture(scope="session")
def stack(account: Account, flags: Path) -> dict[str, str]:
    outputs = deploy_small(account, "machines", flags, *PROJECTS)
    put_documents(account, outputs["JobSpecTableName"], *IN_THE_BUCKET, bucket=outputs["DataBucketName"])
    return outputs


@pytest.fixture(scope="session")
def machines(account: Account, stack: dict[str, str]) -> Machines:
    return Machines(
        account,
        {
            "run_pipeline": stack["RunPipelineMachineArn"],
            "baselines": stack["BaselinesMachineArn"],
            "mini_batch": stack["MiniBatchMachineArn"],
        },
    )


@pytest.fixture(scope="session")
def scenarios(account: Account, stack: dict[str, str], machines: Machines, flags: Path) -> Scenarios:
    return Scenarios.run(account, stack, machines, flags)
