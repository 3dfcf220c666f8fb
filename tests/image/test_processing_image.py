"""Jobs in containers of the Processing images publish what the same jobs publish in the account without Docker."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from tests.image.containers import Containers, Ended
from tests.image.project_in_account import BUCKET, DAYS, FLOWS_A_DAY, ProjectInAccount, fg_b, fifteen_minute, inventory

from ndr.contract.datasets import DELTAS, FG_A, FG_A_METRICS, FG_B_IP_METADATA, PAIR_COUNTS, PEER_DELTAS, fg_b_tables
from ndr.contract.pipelines import FG_B_PIPELINE, INVENTORY_PIPELINE, MINI_BATCH_PIPELINE
from ndr.contract.time import DAY

METRICS = [column.name for column in FG_A_METRICS]
FIFTEEN_MINUTE = [(DELTAS, "deltas"), (PEER_DELTAS, "deltas"), (FG_A, "fg_a"), (PAIR_COUNTS, "pair_counts")]
BASELINES = fg_b_tables(METRICS)
FLOWS = FLOWS_A_DAY * (DAYS.duration // DAY)
SPARK_IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/ndr-processing:spark"
MOST_BYTES_OF_LOCAL = 600_000_000
ROOT = Path(__file__).parents[2]
S3A_ROUND_TRIP = Path(__file__).parents[1] / "local" / "s3a_round_trip.py"


@pytest.fixture(scope="module")
def expected(project: ProjectInAccount) -> ProjectInAccount:
    """The project after all pipelines ran in the account itself."""
    project.execute(MINI_BATCH_PIPELINE, **fifteen_minute("embedded"))
    project.execute(INVENTORY_PIPELINE, **inventory("embedded"))
    project.execute(FG_B_PIPELINE, **fg_b("embedded"))
    return project


@pytest.fixture(scope="module")
def in_image(containers: Containers) -> str:
    """The version whose pipelines all ran in containers, on the local engine."""
    succeeded(containers.execute(MINI_BATCH_PIPELINE, **fifteen_minute("image")), containers=3)
    succeeded(containers.execute(INVENTORY_PIPELINE, **inventory("image")), containers=1)
    succeeded(containers.execute(FG_B_PIPELINE, **fg_b("image")), containers=1)
    return "image"


def succeeded(ended: list[Ended], containers: int) -> None:
    assert [host.exit_code for host in ended] == [0] * containers, ended[-1].output


def same_fifteen_minute(project: ProjectInAccount, version: str) -> None:
    for dataset, folder in FIFTEEN_MINUTE:
        wanted = project.rows("embedded", dataset, folder)
        assert wanted.num_rows > 100, dataset.name
        assert project.rows(version, dataset, folder).equals(wanted), dataset.name


def same_baselines(project: ProjectInAccount, version: str) -> None:
    for dataset in BASELINES:
        wanted = project.baseline("embedded", dataset)
        assert wanted.num_rows >= 5, dataset.name
        assert project.baseline(version, dataset).equals(wanted), dataset.name


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout


def total(table: pa.Table, column: str) -> int:
    return int(pc.sum(table[column]).as_py())


def test_the_local_image_is_small_and_has_no_java(images: dict[str, str]) -> None:
    size = {target: int(docker("image", "inspect", "--format", "{{.Size}}", image)) for target, image in images.items()}
    assert size["local"] <= MOST_BYTES_OF_LOCAL < size["spark"]
    look = "import importlib.util, shutil; print(shutil.which('java'), importlib.util.find_spec('pyspark'))"
    assert docker("run", "--rm", images["local"], "-c", look) == "None None\n"
    assert "None" not in docker("run", "--rm", images["spark"], "-c", look)


def test_the_images_know_the_aws_services_that_jobs_call(images: dict[str, str]) -> None:
    sources = [path.read_text() for folder in ("contract", "spark_jobs") for path in (ROOT / folder).rglob("*.py")]
    calls = re.compile(r'(?:boto3|aws|session\(\))\.(?:client|resource)\(\s*"([\w-]+)"')
    called = {name for text in sources for name in calls.findall(text)}
    called |= {"dynamodb"} if any("dynamodb_table(" in text for text in sources) else set()
    assert called > {"dynamodb", "s3"}
    for image in images.values():
        known = docker("run", "--rm", image, "-c", "import boto3; print(*boto3.Session().get_available_services())")
        assert called <= set(known.split())


def test_fifteen_minute_steps_publish_what_the_account_publishes(expected: ProjectInAccount, in_image: str) -> None:
    same_fifteen_minute(expected, in_image)
    assert total(expected.rows(in_image, PAIR_COUNTS, "pair_counts"), "sessions_cnt") == FLOWS


def test_inventory_and_baseline_publish_what_the_account_publishes(expected: ProjectInAccount, in_image: str) -> None:
    same_baselines(expected, in_image)
    machines = {row["host_ip"]: row for row in expected.baseline(in_image, FG_B_IP_METADATA).to_pylist()}
    assert machines["10.0.1.1"]["machine_name"] == "mail"
    assert machines["10.0.0.2"]["is_non_persistent_machine"]
    assert machines["10.0.0.4"]["machine_name"] is None


def test_fifteen_minute_steps_on_spark(expected: ProjectInAccount, containers: Containers) -> None:
    steps = containers.execute(MINI_BATCH_PIPELINE, **fifteen_minute("spark"), ProcessingImageUri=SPARK_IMAGE)
    succeeded(steps, containers=3)
    same_fifteen_minute(expected, "spark")


def test_two_containers_are_one_cluster(expected: ProjectInAccount, containers: Containers) -> None:
    expected.execute(MINI_BATCH_PIPELINE, **fifteen_minute("instances"))
    expected.execute(INVENTORY_PIPELINE, **inventory("instances"))
    first, second = containers.execute(
        FG_B_PIPELINE, **fg_b("instances"), ProcessingInstanceCount="2", ProcessingImageUri=SPARK_IMAGE
    )
    succeeded([first, second], containers=2)
    same_baselines(expected, "instances")
    assert '"message":"published"' in first.output
    assert '"message":"published"' not in second.output


def test_several_instances_of_the_local_image_say_which_image_to_use(
    expected: ProjectInAccount, containers: Containers
) -> None:
    first, second = containers.execute(FG_B_PIPELINE, **fg_b("instances"), ProcessingInstanceCount="2")
    assert (first.exit_code, second.exit_code) == (1, 1)
    assert f"ProcessingImageUri={SPARK_IMAGE}" in first.message


def test_reason_of_a_failure_is_where_sagemaker_looks_for_it(
    expected: ProjectInAccount, containers: Containers
) -> None:
    (only,) = containers.execute(FG_B_PIPELINE, **fg_b("absent"))
    assert only.exit_code == 1
    assert only.message.startswith("JobSpecNotFoundError: ")


def test_spark_of_the_image_reads_and_writes_s3(project: ProjectInAccount, containers: Containers) -> None:
    table = pa.table({"host_ip": ["10.0.0.1", "2001:db8::1"], "slice_start": [DAYS.start] * 2, "sessions_cnt": [1, 2]})
    project.put_parquet("round-trip/in/rows.parquet", table)
    ended = containers.script(S3A_ROUND_TRIP, f"s3://{BUCKET}/round-trip/in/", f"s3://{BUCKET}/round-trip/out/")
    assert ended.returncode == 0, ended.stderr
    assert project.read_parquet("round-trip/out/")["sessions_cnt"].to_pylist() == [2, 4]
