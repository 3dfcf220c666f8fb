"""The inventory unload on the embedded account: real statements, real Parquet, real partitions."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.jobs.ledger_table import create_ledger

from ministack_sagemaker.lifecycle import Account
from ndr.contract.errors import EmptyResultError, PublishConflictError, RedshiftStatementError, UnloadVerificationError
from ndr.contract.jobspecs import put_jobspec
from ndr.contract.jobspecs.item import JobSpec, parse_jobspec
from ndr.contract.manifest import Manifest
from ndr.jobs.claims import Claims, LeaseKey, Unclaimed
from ndr.jobs.inventory.redshift_data import Statements
from ndr.jobs.inventory.snapshot import newest_snapshot
from ndr.jobs.inventory.unload import Unload
from ndr.jobs.run import Run, job_logger
from ndr.store import storage
from ndr.store.manifest import read_manifest
from ndr.store.pending_commit import PendingCommit
from ndr.store.publish import new_run_id

RUN = Run("machine_inventory_unload", "ndr-test", "v1", cast(Any, None), code_version="test")  # it has its spec
MONTH = "2026-01"
SECONDS = 30.0


class BetweenSteps(logging.Handler):
    """Acts when a step has been logged: what another process might do at that moment."""

    def __init__(self, step: str, act: Callable[[], None]) -> None:
        super().__init__()
        self.step, self.act = step, act

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == self.step:
            self.act()


class BeforeUnload:
    """The Data API, where somebody writes to the table between the count and the UNLOAD."""

    def __init__(self, client: Any, act: Callable[[], None]) -> None:
        self.client, self.act = client, act
        self.sql: list[str] = []

    def execute_statement(self, **request: Any) -> Any:
        self.sql.append(request["Sql"])
        if request["Sql"].startswith("UNLOAD"):
            self.act()
        return self.client.execute_statement(**request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)


class Warehouse:
    """A bucket, a machine table and a JobSpec of one test's own."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.s3, self.data = account.client("s3"), account.client("redshift-data")
        name = uuid.uuid4().hex[:12]
        self.bucket, self.table = f"inventory-{name}", f"dim_{name}"
        self.prefix = f"s3://{self.bucket}/machine_inventory/"
        self.s3.create_bucket(Bucket=self.bucket)
        secret = account.client("secretsmanager").create_secret(Name=f"redshift-{name}", SecretString="{}")
        self.secret_arn = secret["ARN"]
        self.sql(
            f"CREATE TABLE public.{self.table} "
            "(ip_address VARCHAR(64), machine_name VARCHAR(256), is_active BOOLEAN, owner VARCHAR(64))"
        )

    def sql(self, text: str) -> None:
        identifier = self.data.execute_statement(
            ClusterIdentifier="redshift-cluster-1", Database="ndr", SecretArn=self.secret_arn, Sql=text
        )["Id"]
        end = time.monotonic() + SECONDS
        while (statement := self.data.describe_statement(Id=identifier))["Status"] != "FINISHED":
            assert statement["Status"] not in ("FAILED", "ABORTED"), statement["Error"]
            assert time.monotonic() < end, statement
            time.sleep(0.02)

    def insert(self, *rows: str) -> None:
        self.sql(f"INSERT INTO public.{self.table} VALUES {', '.join(rows)}")

    def jobspec(self, **query: Any) -> JobSpec:
        spec = {
            "redshift": {
                "cluster_identifier": "redshift-cluster-1",
                "database": "ndr",
                "secret_arn": self.secret_arn,
                "region": self.account.region,
                "iam_role": "arn:aws:iam::123456789012:role/RedshiftUnloadRole",
            },
            "query": {
                "schema": "public",
                "table": self.table,
                "ip_column": "ip_address",
                "name_column": "machine_name",
                "active_filter": "is_active = true",
                **query,
            },
            "output": {"s3_prefix": self.prefix},
        }
        return parse_jobspec(
            {
                "project_name": "ndr-test",
                "job_name": "machine_inventory_unload",
                "feature_spec_version": "v1",
                "spec": spec,
                "updated_at": datetime.now(UTC).isoformat(),
                "owner": "tests",
            }
        )

    def unload(
        self,
        month: str = MONTH,
        client: Any = None,
        hook: Any = None,
        claims: Claims | None = None,
        replace_with_empty: bool = False,
        **query: Any,
    ) -> Manifest:
        spec = self.jobspec(**query).spec
        statements = Statements(client or self.data, spec.redshift, new_run_id())
        log = job_logger(f"inventory-{uuid.uuid4().hex}")
        if hook:
            log.addHandler(hook)
        run = replace(RUN, claims=claims or Unclaimed())
        return Unload(spec, month, statements, run, log, replace_with_empty=replace_with_empty).publish()

    def machines(self, month: str = MONTH) -> list[tuple[str, str | None]]:
        table = newest_snapshot(self.jobspec().spec.output, month).machines
        return sorted(zip(*table.to_pydict().values(), strict=True))

    def keys(self, below: str = "") -> list[str]:
        prefix = f"machine_inventory/{below}"
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        keys = [item["Key"].removeprefix("machine_inventory/") for item in found]
        # Arrow's S3 client marks the parent of what it deletes with an empty object that ends with a slash.
        return [key for key in keys if not (key.endswith("/") and self.is_marker_of_kept_parent(key))]

    @staticmethod
    def is_marker_of_kept_parent(key: str) -> bool:
        return re.fullmatch(r"(_staging/)?snapshot_month=\d{4}-\d{2}/", key) is not None

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=self.bucket, Key=f"machine_inventory/{key}")

    def staged(self) -> list[str]:
        return [key for key in self.keys("_staging/") if key.endswith(".parquet")]


@pytest.fixture
def warehouse(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    for name, value in account.environment().items():
        monkeypatch.setenv(name, value)
    storage.forget_clients()
    yield Warehouse(account)
    storage.forget_clients()


def test_redshift_in_another_region_unloads_to_the_stacks_bucket(warehouse: Warehouse) -> None:
    """Under the cluster's own default role. It looks for the bucket in its own region unless it is told another."""
    warehouse.data = boto3.client("redshift-data", region_name="eu-west-1")
    secret = boto3.client("secretsmanager", region_name="eu-west-1")
    warehouse.secret_arn = secret.create_secret(Name=f"redshift-{uuid.uuid4().hex}", SecretString="{}")["ARN"]
    warehouse.sql(f"CREATE TABLE public.{warehouse.table} (ip_address VARCHAR(64), machine_name VARCHAR(256))")
    warehouse.insert("('10.0.0.1', 'srv-1')")
    spec = warehouse.jobspec(active_filter=None).spec
    redshift = spec.redshift.model_copy(update={"region": "eu-west-1", "iam_role": "default"})
    statements = Statements(warehouse.data, redshift, new_run_id())

    def unload(bucket_region: str | None) -> Manifest:
        there = spec.model_copy(update={"redshift": redshift})
        return Unload(there, MONTH, statements, RUN, job_logger("inventory"), bucket_region=bucket_region).publish()

    with pytest.raises(RedshiftStatementError, match="in a different region from this cluster"):
        unload(None)
    unload("us-east-1")
    assert warehouse.machines() == [("10.0.0.1", "srv-1")]


def test_first_unload_publishes_unique_active_machines(warehouse: Warehouse) -> None:
    warehouse.insert(
        "('10.0.0.1', 'srv-1', true, 'O''Brien')",
        "('10.0.0.1', 'srv-9', true, 'O''Brien')",
        "(' 10.0.0.2 ', NULL, true, 'O''Brien')",
        "('2001:db8::1', 'VDI-é', true, 'O''Brien')",
        "('10.0.0.3', 'retired', false, 'O''Brien')",
        "('10.0.0.4', 'other', true, 'else')",
        "(NULL, 'nowhere', true, 'O''Brien')",
        "('  ', 'nowhere', true, 'O''Brien')",
    )
    manifest = warehouse.unload(additional_filters=["owner = 'O''Brien'"])

    assert warehouse.machines() == [("10.0.0.1", "srv-9"), ("10.0.0.2", None), ("2001:db8::1", "VDI-é")]
    files = manifest.tables["machine_inventory"].files
    folder = f"snapshot_month={MONTH}/"
    names = sorted([f"{folder}_SUCCESS", f"{folder}_manifest.json", *(folder + file.path for file in files)])
    assert sorted(warehouse.keys()) == names, "the partition, and no staging"
    assert manifest.tables["machine_inventory"].rows == 3
    assert manifest.note == (
        "Rows without an address, left out: 2. Addresses with several names, of which the greatest is kept: 1."
    )
    assert (manifest.start, manifest.end) == (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
    read = pa.concat_tables(_parquet(warehouse, folder + file.path) for file in files)
    assert read.column_names == ["ip_address", "machine_name", "snapshot_month"]
    assert set(read["snapshot_month"].to_pylist()) == {MONTH}


def _parquet(warehouse: Warehouse, key: str) -> pa.Table:
    system, path = storage.filesystem(warehouse.prefix + key)
    return pq.read_table(path, filesystem=system, partitioning=None)


class Overtaken(Unclaimed):
    """Claims of a run that another one has overtaken while it unloaded."""

    def fence(self, key: LeaseKey, pending: PendingCommit, /, **facts: Any) -> None:
        raise PublishConflictError(f"{key} was taken over")


def test_an_unload_that_is_overtaken_leaves_the_published_snapshot(warehouse: Warehouse) -> None:
    warehouse.insert("('10.0.0.1', 'old', true, '')")
    warehouse.unload()
    warehouse.insert("('10.0.0.2', 'new', true, '')")
    with pytest.raises(PublishConflictError, match=r"machine_inventory of \[2026-01-01T00:00:00Z, 2026-02-01"):
        warehouse.unload(claims=Overtaken())
    assert warehouse.machines() == [("10.0.0.1", "old")]


def test_a_second_unload_replaces_the_month(warehouse: Warehouse) -> None:
    warehouse.insert("('10.0.0.1', 'old', true, '')", "('10.0.0.2', 'gone', true, '')")
    first = warehouse.unload()
    warehouse.sql(f"DELETE FROM public.{warehouse.table}")
    warehouse.insert("('10.0.0.1', 'new', true, '')", "('10.0.0.3', 'added', true, '')")
    seen: list[list[str]] = []
    watched = BeforeUnload(warehouse.data, lambda: None)
    second = warehouse.unload(client=watched, hook=BetweenSteps("copied", lambda: seen.append(warehouse.keys())))

    assert warehouse.machines() == [("10.0.0.1", "new"), ("10.0.0.3", "added")]
    assert f"TO '{warehouse.prefix}_staging/snapshot_month={MONTH}/{second.run_id}/" in watched.sql[1]
    old, new = ({file.path for file in manifest.tables["machine_inventory"].files} for manifest in (first, second))
    partition = {key.split("/")[1] for key in seen[0] if key.startswith("snapshot_month=")}
    assert partition == old | new | {"_SUCCESS", "_manifest.json"}, "old files stay until the new manifest is put"
    left = {key.split("/")[1] for key in warehouse.keys()}  # noqa: SIM118  a method of the test's own
    assert left == new | {"_SUCCESS", "_manifest.json"}
    assert not warehouse.staged()


def test_a_table_that_changes_under_the_unload_is_not_published(warehouse: Warehouse) -> None:
    warehouse.insert("('10.0.0.1', 'a', true, '')")
    before = warehouse.unload()
    changing = BeforeUnload(warehouse.data, lambda: warehouse.insert("('10.0.0.2', 'late', true, '')"))
    with pytest.raises(UnloadVerificationError) as failure:
        warehouse.unload(client=changing)

    kept = warehouse.staged()
    staging = f"{warehouse.prefix}{os.path.dirname(kept[0])}"
    assert f"counted 1 machine, UNLOAD wrote 2 rows to {staging}, which is kept" in str(failure.value)
    assert sum(_parquet(warehouse, key).num_rows for key in kept) == 2
    assert read_manifest(f"{warehouse.prefix}snapshot_month={MONTH}") == before
    assert warehouse.machines() == [("10.0.0.1", "a")]

    assert warehouse.unload().tables["machine_inventory"].rows == 2
    assert warehouse.staged() == kept, "a later run leaves it for inspection"


def test_a_copy_that_breaks_off_leaves_the_snapshot_before(warehouse: Warehouse) -> None:
    warehouse.insert("('10.0.0.1', 'a', true, '')", "('10.0.0.2', 'b', true, '')")
    before = warehouse.unload()
    warehouse.insert("('10.0.0.3', 'c', true, '')")
    lose_one = BetweenSteps("verified", lambda: warehouse.delete(warehouse.staged()[-1]))
    with pytest.raises(UnloadVerificationError, match="broke off .* staging is kept for inspection"):
        warehouse.unload(hook=lose_one)

    assert len(warehouse.staged()) == 1
    partition = {key.split("/")[1] for key in warehouse.keys(f"snapshot_month={MONTH}/")}
    files = {file.path for file in before.tables["machine_inventory"].files}
    assert partition == files | {"_SUCCESS", "_manifest.json"}, "the copies are removed"
    assert warehouse.machines() == [("10.0.0.1", "a"), ("10.0.0.2", "b")]


@pytest.mark.parametrize("step", ["counted", "unloaded", "verified", "copied", "published"])
def test_a_run_that_dies_leaves_the_old_snapshot_or_the_new(warehouse: Warehouse, step: str) -> None:
    def die() -> None:
        raise KeyboardInterrupt

    warehouse.insert("('10.0.0.1', 'old', true, '')")
    warehouse.unload()
    warehouse.sql(f"UPDATE public.{warehouse.table} SET machine_name = 'new'")
    with pytest.raises(KeyboardInterrupt):
        warehouse.unload(hook=BetweenSteps(step, die))

    assert warehouse.machines() == [("10.0.0.1", "new" if step == "published" else "old")]
    warehouse.insert("('10.0.0.2', 'newer', true, '')")
    warehouse.unload()
    assert warehouse.machines() == [("10.0.0.1", "new"), ("10.0.0.2", "newer")]


def test_files_of_no_manifest_go_unless_a_run_may_be_writing_them(warehouse: Warehouse) -> None:
    in_progress = f"machines-{new_run_id()}-0000_part_00.parquet"
    leftovers = ["0000_part_00.parquet", "machines-20200101T000000Z-0123456789ab-0000_part_00.parquet", in_progress]
    for name in leftovers:
        key = f"machine_inventory/snapshot_month={MONTH}/{name}"
        warehouse.s3.put_object(Bucket=warehouse.bucket, Key=key, Body=b"not read")
    warehouse.insert("('10.0.0.1', 'a', true, '')")
    warehouse.unload()

    left = {key.split("/")[1] for key in warehouse.keys(f"snapshot_month={MONTH}/")}
    assert left & set(leftovers) == {in_progress}
    assert warehouse.machines() == [("10.0.0.1", "a")]


def test_no_machine_publishes_an_empty_snapshot_and_says_so(warehouse: Warehouse) -> None:
    warehouse.insert("('10.0.0.1', 'retired', false, '')")
    manifest = warehouse.unload()
    assert manifest.tables["machine_inventory"].rows == 0
    assert manifest.note == "The query finds no machine: the snapshot is empty."
    snapshot = newest_snapshot(warehouse.jobspec().spec.output, "2026-05")
    assert (snapshot.month, snapshot.machines.num_rows) == (MONTH, 0)
    assert snapshot.note == f"The inventory of 2026-01 in {warehouse.prefix} is empty."
    (file,) = manifest.tables["machine_inventory"].files
    read = _parquet(warehouse, f"snapshot_month={MONTH}/{file.path}")
    assert read.column_names == ["ip_address", "machine_name", "snapshot_month"]


@pytest.mark.parametrize("month", [MONTH, "2026-02"])
def test_an_emptied_table_does_not_take_the_place_of_an_inventory(warehouse: Warehouse, month: str) -> None:
    warehouse.insert("('10.0.0.1', 'a', true, '')")
    published = warehouse.unload()
    warehouse.sql(f"DELETE FROM public.{warehouse.table}")
    with pytest.raises(EmptyResultError) as caught:
        warehouse.unload(month)
    assert f"public/{warehouse.table} finds no machine. The snapshot of {MONTH} below" in str(caught.value)
    assert f"has 1 machine (run {published.run_id}), and it stays" in str(caught.value)
    assert warehouse.machines(month) == [("10.0.0.1", "a")]
    assert warehouse.staged() == []
    warehouse.unload(month, replace_with_empty=True)
    assert warehouse.machines(month) == []


def test_the_newest_month_that_is_not_later_is_read(warehouse: Warehouse) -> None:
    output = warehouse.jobspec().spec.output
    nothing = newest_snapshot(output, MONTH)
    assert (nothing.month, nothing.source, nothing.machines.num_rows) == (None, None, 0)
    assert nothing.note == f"No inventory of 2026-01 or before is in {warehouse.prefix}."

    for month, name in (("2025-11", "november"), ("2026-01", "january"), ("2026-02", "february")):
        warehouse.sql(f"DELETE FROM public.{warehouse.table}")
        warehouse.insert(f"('10.0.0.1', '{name}', true, '')")
        warehouse.unload(month)
    months = {asked: newest_snapshot(output, asked) for asked in ("2025-10", "2025-12", "2026-01", "2030-01")}
    assert {asked: found.month for asked, found in months.items()} == {
        "2025-10": None,
        "2025-12": "2025-11",
        "2026-01": "2026-01",
        "2030-01": "2026-02",
    }
    assert months["2025-12"].machines.to_pylist() == [{"ip_address": "10.0.0.1", "machine_name": "november"}]


def test_a_missing_table_is_explained_in_redshifts_words(warehouse: Warehouse) -> None:
    with pytest.raises(RedshiftStatementError) as failure:
        warehouse.unload(table="dim_nowhere")
    assert "could not count the machines (database ndr of redshift-cluster-1 in us-east-1)" in str(failure.value)
    assert "dim_nowhere does not exist" in str(failure.value)
    assert warehouse.keys() == []


def test_an_injected_filter_never_reaches_redshift(warehouse: Warehouse) -> None:
    watched = BeforeUnload(warehouse.data, lambda: None)
    with pytest.raises(Exception, match="holds something that is not a single condition"):
        warehouse.unload(client=watched, active_filter=f"true); DROP TABLE public.{warehouse.table}; SELECT (1")
    assert watched.sql == []


@pytest.fixture
def jobspec_table(account: Account) -> Any:
    name = f"jobspecs-{uuid.uuid4().hex[:8]}"
    keys = [("project_name", "HASH"), ("job_name_version", "RANGE")]
    account.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key, _ in keys],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


def _entry_point(account: Account, table: str, opt_ml: Path, month: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **account.environment(), "NDR_JOBSPEC_TABLE": table, "NDR_OPT_ML": str(opt_ml)}
    environment["NDR_LEDGER_TABLE"] = f"{table}-ledger"
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    arguments = ["--project-name", "ndr-test", "--feature-spec-version", "v1", "--reference-month-iso", month]
    command = [sys.executable, "-m", "ndr.jobs.run_machine_inventory_unload", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_the_entry_point_as_sagemaker_starts_it(warehouse: Warehouse, jobspec_table: str, tmp_path: Path) -> None:
    put_jobspec(boto3.resource("dynamodb").Table(jobspec_table), warehouse.jobspec())
    warehouse.insert("('10.0.0.1', 'srv', true, '')")
    unledgered = _entry_point(warehouse.account, jobspec_table, tmp_path, "2026-01")
    assert unledgered.returncode == 1
    assert "InvalidRequestError: The ledger table" in (tmp_path / "output" / "message").read_text()
    ledger = create_ledger(f"{jobspec_table}-ledger")
    ended = _entry_point(warehouse.account, jobspec_table, tmp_path, "2026-01-31T06:15:00Z")
    assert ended.returncode == 0, ended.stderr
    steps = ("started", "counted", "unloaded", "verified", "copied", "published", "older files deleted")
    for step in (*steps, "staging deleted", "finished"):
        assert f'"message":"{step}"' in ended.stdout
    assert warehouse.machines() == [("10.0.0.1", "srv")]
    (item,) = ledger.scan()["Items"]
    assert (item["series"], item["status"]) == ("ndr-test#v1#machine_inventory", "completed")

    warehouse.sql(f"DROP TABLE public.{warehouse.table}")
    failed = _entry_point(warehouse.account, jobspec_table, tmp_path, "2026-02")
    assert failed.returncode == 1
    reason = (tmp_path / "output" / "message").read_text()
    assert reason.startswith("RedshiftStatementError: Redshift could not count the machines")
    assert f"{warehouse.table} does not exist" in reason
    assert warehouse.machines("2026-02") == [("10.0.0.1", "srv")], "January still answers"
