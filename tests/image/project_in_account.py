"""A project in an account: flows, machines, JobSpecs in several versions, and the real pipelines registered."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.jobs.job_chain import random_flows

from ministack_sagemaker.lifecycle import Account
from ministack_sagemaker.testing import JOBS_ROLE, create_open_roles
from ndr.contract.datasets import Dataset
from ndr.contract.jobspecs import FG_B_BUILDER, put_jobspec
from ndr.contract.jobspecs.fg_b_builder import SafetyGaps
from ndr.contract.time import DAY, Interval, format_instant, mini_batch_id, parse_instant
from ndr.local.deployment.redshift import Warehouse
from ndr.local.jobspecs import DEMO_FILES, read_jobspec_files
from ndr.pipeline.registry.registration import register_pipelines
from ndr.store import storage
from ndr.store.catalog import newest_baseline
from ndr.store.publish import in_key_order, read_table
from ndr.store.scan import Scan

BUCKET: Final = "ndr-image"
PROJECT: Final = "ndr-image"
DAYS: Final = Interval(parse_instant("2026-01-05"), parse_instant("2026-01-05") + 3 * DAY)
FLOWS_A_DAY: Final = 300
# The engine of each version. A version has its data below a prefix of its own.
ENGINES: Final = {"embedded": "local", "image": "auto", "spark": "spark", "instances": "auto"}
TABLES: Final = {"ndr-jobspecs": ("project_name", "job_name_version"), "ndr-ledger": ("series", "as_of")}


@dataclass(frozen=True)
class ProjectInAccount:
    """A project in an account: tables, JobSpecs, flows, machines, registered pipelines."""

    account: Account

    def set_up(self) -> None:
        """Create tables and bucket, put JobSpecs, flows and machines, register the pipelines."""
        self.account.client("s3").create_bucket(Bucket=BUCKET)
        for table, key in TABLES.items():
            self._create_table(table, key)
        secret = self.account.client("secretsmanager").create_secret(Name="ndr/redshift", SecretString="{}")["ARN"]
        for version, engine in ENGINES.items():
            self._put_jobspecs(version, engine, secret)
            self._deliver(version)
        warehouse = Warehouse(self.account.client("redshift-data"), secret)
        warehouse.create_inventory()
        warehouse.run(
            "INSERT INTO public.dim_machine (ip_address, machine_name, is_active, environment) VALUES "
            "('10.0.1.1', 'mail', true, 'prod'), ('10.0.0.2', 'VDI-7', true, 'prod'), "
            "('10.0.0.4', 'old', false, 'prod')"
        )
        create_open_roles(self.account)
        with self.entered():
            register_pipelines(JOBS_ROLE, self.account.region, BUCKET)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Make this process a user of the account."""
        with pytest.MonkeyPatch.context() as environment:
            for name, value in self.account.environment().items():
                environment.setenv(name, value)
            storage.forget_clients()
            yield
            storage.forget_clients()

    def execute(self, pipeline: str, **parameters: str) -> None:
        """Run a pipeline in the account itself, without Docker."""
        sagemaker = self.account.client("sagemaker")
        given = [{"Name": name, "Value": value} for name, value in parameters.items()]
        arn = sagemaker.start_pipeline_execution(PipelineName=pipeline, PipelineParameters=given)[
            "PipelineExecutionArn"
        ]
        deadline = time.monotonic() + 300
        while (status := self._status(sagemaker, arn)) == "Executing":
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert status == "Succeeded", sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)

    def rows(self, version: str, dataset: Dataset, folder: str) -> pa.Table:
        """Return the published rows of a version, for a dataset of the 15-minute pipeline."""
        with self.entered():
            table = Scan.of(_uri(version, folder), dataset, DAYS).read()
        return in_key_order(table, dataset)

    def baseline(self, version: str, dataset: Dataset) -> pa.Table:
        """Return the published rows of a version, for a table of the 7d baseline."""
        with self.entered():
            partition = newest_baseline(_uri(version, "fg_b"), "7d", DAYS.end)
            assert partition is not None
            assert partition.manifest.end == DAYS.end
            return in_key_order(read_table(partition.uri, partition.manifest, dataset), dataset)

    def put_parquet(self, key: str, table: pa.Table) -> None:
        """Put a table into the bucket as one file."""
        with self.entered():
            pq.write_table(table, f"{BUCKET}/{key}", filesystem=storage.filesystem(f"s3://{BUCKET}/{key}")[0])

    def read_parquet(self, prefix: str) -> pa.Table:
        """Read the Parquet files below a prefix of the bucket."""
        with self.entered():
            return pq.read_table(f"{BUCKET}/{prefix}", filesystem=storage.filesystem(f"s3://{BUCKET}/{prefix}")[0])

    def _status(self, sagemaker: Any, arn: str) -> str:
        return str(sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"])

    def _create_table(self, name: str, key: tuple[str, str]) -> None:
        self.account.client("dynamodb").create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": part, "AttributeType": "S"} for part in key],
            KeySchema=[{"AttributeName": key[0], "KeyType": "HASH"}, {"AttributeName": key[1], "KeyType": "RANGE"}],
        )

    def _put_jobspecs(self, version: str, engine: str, secret: str) -> None:
        values = {
            "project_name": PROJECT,
            "feature_spec_version": version,
            "data_bucket": f"{BUCKET}/{version}",
            "secret_arn": secret,
            "region": self.account.region,
            "redshift_role_arn": "arn:aws:iam::123456789012:role/ndr-redshift-unload",
            "engine": engine,
        }
        for jobspec in read_jobspec_files(DEMO_FILES, values):
            written = jobspec
            if jobspec.job_name == FG_B_BUILDER:  # two days of features are too few for a safety gap
                spec = jobspec.spec.model_copy(update={"safety_gap": SafetyGaps(**{"7d": 0, "30d": 0})})
                written = jobspec.model_copy(update={"spec": spec})
            put_jobspec(self.account.table("ndr-jobspecs"), written)

    def _deliver(self, version: str) -> None:
        for number, day in enumerate(DAYS.steps(DAY)):
            flows = random_flows(day, FLOWS_A_DAY, seed=number)
            flows.append(flows[0] | {"source_ip": "nowhere"})
            body = "".join(json.dumps(flow) + "\n" for flow in flows).encode()
            key = f"{version}/integration/{mini_batch_id(day)}/part-0.json"
            self.account.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)


def fifteen_minute(version: str) -> dict[str, str]:
    """Parameters of the 15m pipeline for the project's days as one batch."""
    return {
        "ProjectName": PROJECT,
        "FeatureSpecVersion": version,
        "MiniBatchId": mini_batch_id(DAYS),
        "BatchStartTsIso": format_instant(DAYS.start),
        "BatchEndTsIso": format_instant(DAYS.end),
    }


def inventory(version: str) -> dict[str, str]:
    """Parameters of the inventory pipeline."""
    return {"ProjectName": PROJECT, "FeatureSpecVersion": version, "ReferenceMonthIso": "2026-01"}


def fg_b(version: str) -> dict[str, str]:
    """Parameters of the FG-B pipeline for the 7d baseline that ends with the project's days."""
    return {
        "ProjectName": PROJECT,
        "FeatureSpecVersion": version,
        "BaselineHorizon": "7d",
        "BaselineMode": "REGULAR",
        "BaselineEndTsIso": format_instant(DAYS.end),
    }


def _uri(version: str, folder: str) -> str:
    return f"s3://{BUCKET}/{version}/{version}/{folder}/"
