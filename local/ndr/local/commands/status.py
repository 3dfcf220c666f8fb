"""``ndr status``: the ledger, the last executions, what is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from ndr.contract.errors import JobSpecNotFoundError
from ndr.contract.ledger import is_over, row_of
from ndr.contract.manifest import RowAccount
from ndr.contract.wording import counted
from ndr.local.commands.options import HERE, AsJson, Directory
from ndr.local.console.output import output_console, print_error
from ndr.local.console.tables import Listing, print_listings, share
from ndr.local.deployment.deployment import Deployment, all_items
from ndr.local.deployment.published import PublishedTable, flow_account, published_tables

_EXECUTIONS_SHOWN = 5


def status(directory: Directory = HERE, as_json: AsJson = False) -> None:
    """Show the ledger, the last executions of each machine, and the published datasets."""
    console, deployment = output_console(), Deployment.load(directory)
    facts = {
        "project": deployment.project_name,
        "version": deployment.feature_spec_version,
        "endpoint_url": deployment.account.endpoint_url,
    }
    ledger, executions = ledger_listing(deployment), executions_listing(deployment)
    try:
        jobspecs = deployment.jobspecs()
    except JobSpecNotFoundError as error:
        print_error(str(error), "yellow")
        published, account = published_listing([]), None
    else:
        published, account = published_listing(published_tables(jobspecs)), flow_account(jobspecs)
    if as_json:
        rows = account and account.model_dump()
        print_listings(console, [ledger, executions, published], as_json, **facts, row_account=rows)
        return
    console.print("project {project} {version}, {endpoint_url}".format(**facts))
    print_listings(console, [ledger, executions])
    _print_reasons(console, executions)
    published.print(console)
    for each in published.records():
        if each["other_networks"]:
            console.print(other_networks_sentence(each), soft_wrap=True)
    if account:
        console.print(account_sentence(account), soft_wrap=True)


def print_published(console: Console, deployment: Deployment) -> None:
    """Print dataset, time range, partitions, rows and coverage, and what became of the rows that came in."""
    jobspecs = deployment.jobspecs()
    published_listing(published_tables(jobspecs)).print(console)
    console.print(account_sentence(flow_account(jobspecs)), highlight=False)


def published_listing(tables: Sequence[PublishedTable]) -> Listing:
    """List dataset, time range, partitions, rows and coverage."""
    rows = [
        (*(table.dataset, table.first, table.last, table.partitions), table.rows, share(table.coverage),
         table.other_networks)
        for table in tables
    ]  # fmt: skip
    columns = ("dataset", "first", "last", "partitions", "rows", "coverage", "other networks")
    right = ("partitions", "rows", "coverage")
    return Listing("published", "Published", columns, rows, right=right, only_json=("other networks",))


def other_networks_sentence(published: Mapping[str, Any]) -> str:
    """Return of how many partitions the hosts are those of networks that the JobSpec has no more."""
    told = f"{published['other_networks']:,} of {counted(published['partitions'], 'partition')}"
    return (
        f"{published['dataset']}: {told} built with other networks than the JobSpec networks has now. "
        "docs/networks.md says how to build them again."
    )


def account_sentence(account: RowAccount) -> str:
    """Return what became of the rows that came in; repetitions and rows that are not flows where there are any."""
    terms = [f"used {account.rows_used:,}", f"quarantined {account.rows_quarantined:,}"]
    if account.rows_repeated:
        terms.append(f"repeated {account.rows_repeated:,}")
    if account.rows_not_flows:
        kinds = ", ".join(f"{kind} {rows:,}" for kind, rows in sorted(account.rows_not_flows.items()))
        terms.append(f"not flows {sum(account.rows_not_flows.values()):,} ({kinds})")
    return f"rows in {account.rows_in:,} = {' + '.join(terms)}"


def ledger_listing(deployment: Deployment) -> Listing:
    """List what the ledger knows about baselines."""
    sagemaker, now = deployment.client("sagemaker"), datetime.now(UTC)
    rows = [
        (item["series"], item["as_of"], *_meaning(item, sagemaker, now), item.get("coverage"), _rows(item))
        for item in ledger_items(deployment)
    ]
    columns = ("series", "as of", "status", "why", "coverage", "rows")
    return Listing("ledger", "Ledger", columns, rows, right=("coverage", "rows"))


def _meaning(item: dict[str, Any], sagemaker: Any, now: datetime) -> tuple[str, str | None]:
    """Return what an item means now, and why or who. A batch that an execution is running has a claim alone."""
    if "status" not in item:
        return "claimed", f"by {item.get('holder', 'unknown')} since {item.get('claimed_at', 'unknown')}"
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


def executions_listing(deployment: Deployment) -> Listing:
    """List the last executions of each machine, newest first; of one that failed, its error and its cause."""
    states = deployment.client("stepfunctions")
    rows = []
    for machine, arn in deployment.machines.items():
        listed = states.list_executions(stateMachineArn=arn)["executions"]
        for execution in sorted(listed, key=lambda each: each["startDate"], reverse=True)[:_EXECUTIONS_SHOWN]:
            stop, reason = execution.get("stopDate"), None
            seconds = (stop - execution["startDate"]).total_seconds() if stop else None
            if execution["status"] not in ("RUNNING", "SUCCEEDED"):
                reason = reason_of(states.describe_execution(executionArn=execution["executionArn"]))
            rows.append((machine, execution["name"], execution["status"], execution["startDate"], seconds, reason))
    columns = ("machine", "execution", "status", "started", "seconds", "reason")
    title = f"Last {_EXECUTIONS_SHOWN} executions of each machine"
    return Listing("executions", title, columns, rows, right=("seconds",), only_json=("reason",))


def _print_reasons(console: Console, executions: Listing) -> None:
    """Print why executions failed, one line each: a cause is longer than a column."""
    for each in executions.records():
        if each["reason"]:
            console.print(f"{each['machine']} {each['execution']} {each['status']}: {each['reason']}", soft_wrap=True)


def reason_of(execution: Mapping[str, Any]) -> str | None:
    """Return why an execution failed, from DescribeExecution: its error's name and its cause; None without either."""
    said = [execution.get("error"), execution.get("cause")]
    return ": ".join(" ".join(part.split()) for part in said if part) or None
