"""The inventory unload under faults: Redshift, S3 and the network between; killed at each of its steps."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from tests.faults import breakage
from tests.faults.child import Ended, in_child, start, wait
from tests.faults.cut import CuttingProxy
from tests.faults.published import Verdict, versions
from tests.local.test_inventory_unload import BeforeUnload, BetweenSteps, Warehouse

from ministack_sagemaker.faults import inject, injected, withdraw
from ministack_sagemaker.lifecycle import Account

STEPS = ("counted", "unloaded", "verified", "copied", "staging deleted")
MACHINES = ("('10.0.0.1', 'srv-1', true, 'a')", "('10.0.0.2', 'srv-2', true, 'b')", "('10.0.0.3', NULL, true, 'c')")


@dataclass(frozen=True)
class Inventory:
    """A machine table and its bucket; `proxy` is a network that may break."""

    account: Account
    verdict: Verdict
    scratch: Path
    warehouse: Warehouse
    proxy: CuttingProxy

    @classmethod
    def of(cls, account: Account, verdict: Verdict, scratch: Path, proxy: CuttingProxy) -> Inventory:
        warehouse = Warehouse(account)
        warehouse.insert(*MACHINES)
        return cls(account, verdict, scratch, warehouse, proxy)

    def trial(self, what: str, break_it: Callable[[Inventory], dict[str, Any]], before: int | None = None) -> Ended:
        """Publish an old version, add a machine, unload with a fault, look, unload again, look again."""
        self._unload()
        old = self._versions()
        self.warehouse.insert(f"('10.9.{len(os.listdir(self.scratch))}.1', 'new', true, 'd')")
        ended = in_child(lambda: self._run(break_it))
        between = self._versions()
        withdraw(self.account.directory)
        self._unload()
        new = self._versions()
        assert new != old
        self.verdict.after_fault(f"inventory, {what}", between, old, new)
        # What a further run publishes is held against the table itself.
        machines = in_child(lambda: self._as_a_job(lambda: len(self.warehouse.machines()))).value
        rows = in_child(lambda: self._as_a_job(self._count)).value
        if machines != rows:
            self.verdict.lost.append(f"inventory, {what}: {machines} machines are published, the table has {rows}")
        return ended

    def at_once(self) -> None:
        """Two unloads of one month side by side."""
        children = [start(lambda: self._run(lambda _: {})) for _ in range(2)]
        ended = [wait(child) for child in children]
        assert any(each.error is None for each in ended), ended
        self.trial("two unloads at once", lambda _: {})

    def _unload(self) -> None:
        ended = in_child(lambda: self._run(lambda _: {}))
        assert ended.error is None, ended
        assert ended.signal == 0

    def _run(self, break_it: Callable[[Inventory], dict[str, Any]]) -> None:
        self._as_a_job(lambda: self.warehouse.unload(**break_it(self)))

    def _as_a_job(self, act: Callable[[], Any]) -> Any:
        os.environ.update(self.account.environment() | {"AWS_ENDPOINT_URL_S3": self.proxy.endpoint_url})
        # A fork shares its parent's open connections, on which two would talk at once: each has its own.
        self.warehouse.s3, self.warehouse.data = self.account.client("s3"), self.account.client("redshift-data")
        return act()

    def _count(self) -> int:
        client = self.warehouse.data
        table = f"public.{self.warehouse.table}"
        identifier = client.execute_statement(
            ClusterIdentifier="redshift-cluster-1",
            Database="ndr",
            SecretArn=self.warehouse.secret_arn,
            Sql=f"SELECT count(DISTINCT ip_address) FROM {table} WHERE is_active",
        )["Id"]
        while client.describe_statement(Id=identifier)["Status"] not in ("FINISHED", "FAILED"):
            pass
        return int(client.get_statement_result(Id=identifier)["Records"][0][0]["longValue"])

    def _versions(self) -> dict[str, str]:
        """Copy the bucket to disk and read it there."""

        def read() -> dict[str, str]:
            folder = self.scratch / uuid.uuid4().hex
            s3 = self.account.client("s3")
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=self.warehouse.bucket):
                for item in page.get("Contents", []):
                    if not item["Key"].endswith("/"):
                        path = folder / item["Key"]
                        path.parent.mkdir(parents=True, exist_ok=True)
                        path.write_bytes(s3.get_object(Bucket=self.warehouse.bucket, Key=item["Key"])["Body"].read())
            return versions(folder)

        ended = in_child(read)
        assert ended.error is None, ended
        return ended.value  # type: ignore[no-any-return]


def killed(inventory: Inventory) -> Iterator[str]:
    """SIGKILL after each step that the job logs, and before each of its writes."""
    for step in STEPS:
        ended = inventory.trial(f"killed when {step}", lambda _, step=step: {"hook": BetweenSteps(step, breakage.die)})
        assert ended.signal == 9, (step, ended)
        yield "kill -9 of machine_inventory_unload at a publish step"
    for number in (1, 2, 3):  # the manifest, _SUCCESS, the deletion of staging

        def at_write(_: Inventory, number: int = number) -> dict[str, Any]:
            breakage.at_write(number, breakage.die)
            return {}

        ended = inventory.trial(f"killed before write {number}", at_write)
        assert ended.signal == 9, (number, ended)
        yield "kill -9 of machine_inventory_unload at a publish step"


def fewer_rows(inventory: Inventory) -> Iterator[str]:
    """The table loses a row between the count and the UNLOAD."""
    for number in range(2):

        def delete(found: Inventory, number: int = number) -> dict[str, Any]:
            table = found.warehouse
            sql = f"DELETE FROM public.{table.table} WHERE ip_address = '10.0.0.{number + 1}'"
            return {"client": BeforeUnload(table.data, lambda: table.sql(sql))}

        ended = inventory.trial("fewer rows than counted", delete)
        assert ended.error is not None
        assert "UnloadVerificationError" in ended.error, ended
        yield "UNLOAD returns fewer rows than counted"


def failed_statement(inventory: Inventory) -> Iterator[str]:
    """Redshift fails the UNLOAD: its table is renamed in between, and comes back."""

    def rename(found: Inventory) -> dict[str, Any]:
        table = found.warehouse

        def away() -> None:
            table.sql(f"ALTER TABLE public.{table.table} RENAME TO gone_{table.table}")

        return {"client": BeforeUnload(table.data, away), "hook": None}

    def renamed_back(found: Inventory) -> dict[str, Any]:
        options = rename(found)
        try:
            found.warehouse.unload(**options)
        finally:
            table = found.warehouse.table
            found.warehouse.sql(f"ALTER TABLE public.gone_{table} RENAME TO {table}")
        raise AssertionError("the UNLOAD of a table that is gone succeeded")

    ended = inventory.trial("failed statement", renamed_back)
    assert ended.error is not None
    assert "RedshiftStatementError" in ended.error, ended
    yield "Redshift statement fails"


class CancelledUnload:
    """The Data API, where somebody cancels the UNLOAD while it runs; what it had written by then stays in S3."""

    def __init__(self, warehouse: Warehouse, *, has_written: bool) -> None:
        self.warehouse, self.client, self.has_written = warehouse, warehouse.data, has_written

    def execute_statement(self, **request: Any) -> Any:
        answer = self.client.execute_statement(**request)
        if request["Sql"].startswith("UNLOAD"):
            while (status := self.client.describe_statement(Id=answer["Id"])["Status"]) in ("SUBMITTED", "STARTED"):
                if status == "STARTED":  # again and again: a query that has hardly begun may miss its interruption
                    with contextlib.suppress(ClientError):
                        self.client.cancel_statement(Id=answer["Id"])
            if self.has_written:
                bucket, _, key = re.findall(r"s3://([^'$]+)", request["Sql"])[0].partition("/")
                self.warehouse.s3.put_object(Bucket=bucket, Key=f"{key}0000_part_00.parquet", Body=b"PAR1 and a part")
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)


def cancelled_statement(inventory: Inventory) -> Iterator[str]:
    """Somebody cancels the UNLOAD in mid-run, with none of its files written or a part of one."""
    table, million = inventory.warehouse.table, "generate_series(1, 1000000)"
    for has_written in (False, True):

        def cancelled(found: Inventory, has_written: bool = has_written) -> dict[str, Any]:
            warehouse = found.warehouse

            def endless() -> None:
                """Let the query take for ever, so that it is cancelled in its middle and not after its end."""
                warehouse.sql(f"ALTER TABLE public.{table} RENAME TO rows_{table}")
                rows = f"SELECT r.* FROM public.rows_{table} r, {million} a, {million} b"
                warehouse.sql(f"CREATE VIEW public.{table} AS {rows}")

            client = CancelledUnload(warehouse, has_written=has_written)
            try:
                warehouse.unload(client=client, hook=BetweenSteps("counted", endless))
            finally:
                warehouse.sql(f"DROP VIEW public.{table}")
                warehouse.sql(f"ALTER TABLE public.rows_{table} RENAME TO {table}")
            raise AssertionError("a cancelled UNLOAD succeeded")

        ended = inventory.trial("statement cancelled", cancelled)
        assert ended.error is not None
        assert "ended ABORTED" in ended.error, ended
        yield "Redshift statement cancelled in the unload"


def refused_statement(inventory: Inventory) -> Iterator[str]:
    """The Data API refuses a call."""
    for operation in ("ExecuteStatement", "DescribeStatement", "GetStatementResult"):

        def refuse(found: Inventory, operation: str = operation) -> dict[str, Any]:
            inject(found.account.directory, "redshift-data", operation, "ValidationException")
            return {}

        ended = inventory.trial(f"{operation} refused", refuse)
        assert ended.error is not None
        assert "RedshiftStatementError" in ended.error, ended
        yield "Redshift Data API refuses a call"


def throttled_puts(inventory: Inventory) -> Iterator[str]:
    """S3 is slow, or carries out a PUT and loses its answer, in the commit."""
    for error, carried_out in (("SlowDown", False), ("InternalError", True)):
        for times in (1, 2):
            before = len(injected(inventory.account.directory))

            def refuse(
                found: Inventory, error: str = error, times: int = times, carried_out: bool = carried_out
            ) -> dict[str, Any]:
                def now() -> None:
                    inject(found.account.directory, "s3", "PutObject", error, times, carried_out=carried_out)

                return {"hook": BetweenSteps("verified", now)}

            inventory.trial(f"S3 {error} {times} times", refuse)
            for _ in range(len(injected(inventory.account.directory)) - before):
                yield f"S3 answers a PUT with {error}{', carried out' if carried_out else ''}"


def cut_puts(inventory: Inventory) -> Iterator[str]:
    """The connection is cut when half of a PUT is through: of the manifest, of _SUCCESS; once, or again and again."""
    for part in ("_manifest.json", "_SUCCESS"):
        for times in (1, 2):
            inventory.proxy.cut(part, times)
            inventory.trial(f"PUT of {part} cut {times} times", lambda _: {})
            made = inventory.proxy.made
            inventory.proxy.cut("", 0)
            for _ in range(made):
                yield "S3 PUT cut midway"


def two_at_once(inventory: Inventory) -> Iterator[str]:
    for _ in range(2):
        inventory.at_once()
        yield "two unloads of one month at once"


INJECTIONS = (
    killed,
    fewer_rows,
    failed_statement,
    cancelled_statement,
    refused_statement,
    throttled_puts,
    cut_puts,
    two_at_once,
)
logging.getLogger("botocore").setLevel(logging.ERROR)
