"""``ndr status``: the ledger, the last executions, what is published."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from ndr.contract.errors import JobSpecNotFoundError
from ndr.contract.ledger import is_over, row_of
from ndr.contract.manifest import RowAccount
from ndr.local.commands.options import HERE, Directory, progress
from ndr.local.console.tables import print_table
from ndr.local.deployment.deployment import Deployment, all_items
from ndr.local.deployment.published import flow_account, published_tables

_EXECUTIONS_SHOWN = 5


def status(directory: Directory = HERE) -> None:
    """Show the ledger, the last executions of each machine, and the published datasets."""
    lines = progress()
    deployment = Deployment.load(directory)
    lines.line(
        f"project {deployment.project_name} {deployment.feature_spec_version}, {deployment.account.endpoint_url}"
    )
    print_ledger(lines.console, deployment)
    _print_executions(lines.console, deployment)
    try:
        print_published(lines.console, deployment)
    except JobSpecNotFoundError as error:
        lines.line(str(error), "yellow")


def print_published(console: Console, deployment: Deployment) -> None:
    """Print dataset, time range, partitions, rows and coverage, and what became of the rows that came in."""
    jobspecs = deployment.jobspecs()
    tables = published_tables(jobspecs)
    rows = [
        (table.dataset, table.first, table.last, table.partitions, table.rows, f"{table.coverage:.1%}")
        for table in tables
    ]
    columns = ("dataset", "first", "last", "partitions", "rows", "coverage")
    print_table(console, "Published", columns, rows, right=("partitions", "rows", "coverage"))
    console.print(account_sentence(flow_account(jobspecs)), highlight=False)


def account_sentence(account: RowAccount) -> str:
    """Return what became of the rows that came in; repetitions and rows that are not flows where there are any."""
    terms = [f"used {account.rows_used:,}", f"quarantined {account.rows_quarantined:,}"]
    if account.rows_repeated:
        terms.append(f"repeated {account.rows_repeated:,}")
    if account.rows_not_flows:
        kinds = ", ".join(f"{kind} {rows:,}" for kind, rows in sorted(account.rows_not_flows.items()))
        terms.append(f"not flows {sum(account.rows_not_flows.values()):,} ({kinds})")
    return f"rows in {account.rows_in:,} = {' + '.join(terms)}"


def print_ledger(console: Console, deployment: Deployment) -> None:
    """Print what the ledger knows about baselines."""
    sagemaker, now = deployment.client("sagemaker"), datetime.now(UTC)
    rows = [
        (item["series"], item["as_of"], *_meaning(item, sagemaker, now), item.get("coverage"), _rows(item))
        for item in ledger_items(deployment)
    ]
    columns = ("series", "as of", "status", "why", "coverage", "rows")
    print_table(console, "Ledger", columns, rows, right=("coverage", "rows"))


def _meaning(item: dict[str, Any], sagemaker: Any, now: datetime) -> tuple[str, str | None]:
    """Return what an item means now, and why or who."""
    entry = row_of(item, now, lambda holder: is_over(sagemaker, holder))
    if entry.status == "stale":
        return entry.status, f"late events were built in at {item['stale_since']}"
    return entry.status, f"held by {entry.holder} until {entry.until}" if entry.holder else entry.reason


def _rows(item: dict[str, Any]) -> int | None:
    return sum(int(rows) for rows in item["rows"].values()) if "rows" in item else None


def ledger_items(deployment: Deployment) -> list[dict[str, Any]]:
    """Return every item of the ledger, by series and time."""
    items = all_items(deployment.table("LedgerTableName"))
    return sorted(items, key=lambda item: (item["series"], item["as_of"]))


def _print_executions(console: Console, deployment: Deployment) -> None:
    states = deployment.client("stepfunctions")
    rows = []
    for machine, arn in deployment.machines.items():
        listed = states.list_executions(stateMachineArn=arn)["executions"]
        for execution in sorted(listed, key=lambda each: each["startDate"], reverse=True)[:_EXECUTIONS_SHOWN]:
            stop = execution.get("stopDate")
            seconds = (stop - execution["startDate"]).total_seconds() if stop else None
            rows.append((machine, execution["name"], execution["status"], execution["startDate"], seconds))
    columns = ("machine", "execution", "status", "started", "seconds")
    print_table(console, f"Last {_EXECUTIONS_SHOWN} executions of each machine", columns, rows, right=("seconds",))
