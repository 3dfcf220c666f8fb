"""A stack with the pipeline of one step and batches of an hour: the machine runs it, and the three steps afterwards."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.catalog import load_catalog
from tests.fortnight.deliveries import HOUR, Delivery
from tests.fortnight.stack import Stack, secret_of_the_inventory
from tests.fortnight.traffic import Traffic
from tests.template import ROOT

from ministack_sagemaker.testing import fast_account
from ndr.contract.datasets import DELTAS, FG_A, PAIR_COUNTS, PEER_DELTAS
from ndr.contract.fifteen_minutes import ONE_STEP, THREE_STEPS
from ndr.contract.time import Interval, floor_to, parse_instant
from ndr.store import storage
from ndr.store.scan import Scan
from ndr.store.schema import arrow_schema

COMPARED = {DELTAS: "deltas", PEER_DELTAS: "deltas", FG_A: "fg_a", PAIR_COUNTS: "pair_counts"}
DATABASE = "ndr_hourly_v1"
TEMPLATE = ROOT / "template.yaml"


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    storage.forget_clients()  # a process keeps one S3 client, which may be of an account that another test stopped
    with fast_account(tmp_path) as account:
        for name, value in account.environment().items():
            monkeypatch.setenv(name, value)
        secret = secret_of_the_inventory(account)
        yield Stack.deploy(account, "hourly", secret, TEMPLATE, BatchMinutes="60", FifteenMinutePipeline=ONE_STEP)
    storage.forget_clients()


def run(stack: Stack, request: dict[str, Any]) -> tuple[Interval, set[str]]:
    """Run the mini_batch machine; return the batch, and the steps of the pipeline."""
    arn, states = stack.start("mini_batch", request), stack.client("stepfunctions")
    deadline = time.monotonic() + 240
    while (found := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
        assert time.monotonic() < deadline, "the execution did not end"
        time.sleep(0.2)
    assert found["status"] == "SUCCEEDED", found
    output = json.loads(found["output"])
    listed = stack.client("sagemaker").list_pipeline_execution_steps(
        PipelineExecutionArn=output["pipeline_execution_arn"]
    )
    asked = output["parameters"]
    batch = Interval(parse_instant(asked["BatchStartTsIso"]), parse_instant(asked["BatchEndTsIso"]))
    return batch, {step["StepName"] for step in listed["PipelineExecutionSteps"]}


def rows(stack: Stack, batch: Interval) -> dict[str, pa.Table]:
    found = {}
    for dataset, folder in COMPARED.items():
        table = Scan.of(stack.prefix(folder), dataset, batch).read()
        found[dataset.name] = table.sort_by([(name, "ascending") for name in dataset.key])
    return found


def rows_in_tables(stack: Stack) -> dict[str, pa.Table]:
    """The rows of the Iceberg tables in the Glue Data Catalog, as any client of it finds them."""
    catalog = load_catalog("glue", type="glue", **{"s3.endpoint": stack.account.endpoint_url})
    found = {}
    for dataset in COMPARED:
        table = catalog.load_table(f"{DATABASE}.{dataset.name}").scan().to_arrow().select(dataset.column_names)
        found[dataset.name] = table.cast(arrow_schema(dataset)).sort_by([(name, "ascending") for name in dataset.key])
    return found


def rows_by_the_page() -> int:
    """Run what docs/tables.md tells a person to write in Python, and return the rows that it finds."""
    known: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "tables.md").read_text(), re.DOTALL):
        exec(block.replace("ndr_ndr_prod_v1", DATABASE), known)
    assert known["busiest"]
    return int(known["rows"].num_rows)


def test_one_step_and_three_steps_publish_the_same_for_the_hour_of_the_schedule(stack: Stack) -> None:
    (name,) = [
        each["Name"]
        for each in stack.client("scheduler").list_schedules()["Schedules"]
        if "MiniBatchSchedule" in each["Name"]
    ]
    assert stack.client("scheduler").get_schedule(Name=name)["ScheduleExpression"] == "cron(5 * * * ? *)"

    hour = floor_to(datetime.now(UTC), HOUR)
    traffic = Traffic(hour - HOUR, 2, seed=1)  # of the last hour, and of this one, should it end meanwhile
    for each in traffic.slices:
        stack.put(Delivery(each.end, each, "part-0.json", tuple(traffic.rows(each))))

    batch, steps = run(stack, {})
    assert (batch.duration, floor_to(batch.start, HOUR), steps) == (HOUR, batch.start, {"FifteenMinuteStep"})
    in_one_step = rows(stack, batch)
    assert all(table.num_rows for table in in_one_step.values())
    assert rows_in_tables(stack) == in_one_step
    assert rows_by_the_page() == in_one_step["fg_a"].num_rows
    # What Athena tells an Iceberg table by.
    described = stack.client("glue").get_table(DatabaseName=DATABASE, Name=DELTAS.name)["Table"]
    assert (described["TableType"], described["Parameters"]["table_type"]) == ("EXTERNAL_TABLE", "ICEBERG")
    assert described["Parameters"]["metadata_location"].startswith(described["StorageDescriptor"]["Location"])

    secret = stack.deployment.secret_arn
    Stack.deploy(stack.account, "hourly", secret, TEMPLATE, BatchMinutes="60", FifteenMinutePipeline=THREE_STEPS)
    asked = {"batch_start": batch.start.isoformat(), "batch_end": batch.end.isoformat()}
    assert run(stack, asked) == (batch, {"DeltaBuilderStep", "FGABuilderStep", "PairCountsBuilderStep"})
    assert rows(stack, batch) == in_one_step
    assert rows_in_tables(stack) == in_one_step
