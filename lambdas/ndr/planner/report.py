"""The report of a run: what became of the baselines of the runs that succeeded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final

from ndr.contract.ledger import LedgerRow
from ndr.contract.time import format_instant, parse_instant
from ndr.contract.wording import agreeing, counted
from ndr.planner.plan import Report, Stretch

LEFT_OUT: Final = ("in_progress", "insufficient_history", "abandoned", "failed")
"""How a succeeded run can leave a baseline unbuilt; the ledger says so. A baseline that was left to the holder of its
lease may have failed since, or been abandoned."""


def stretches(horizon: str, rows: Sequence[tuple[datetime, LedgerRow]]) -> list[Stretch]:
    """Return consecutive baselines that the ledger says the same of as one stretch each."""
    runs = groupby(rows, key=lambda each: (each[1].status, each[1].holder, each[1].until, _named_reason(each[1])))
    listed = [(key, [end for end, _ in run]) for key, run in runs]
    return [
        Stretch(
            horizon=horizon,
            status=status,
            first=format_instant(ends[0]),
            last=format_instant(ends[-1]),
            count=len(ends),
            holder=holder,
            until=until if holder else None,
            reason=reason,
        )
        for (status, holder, until, reason), ends in listed
    ]


def _named_reason(row: LedgerRow) -> str | None:
    """Return the reason where each row has its own: what is wrong with an item that cannot be read."""
    return row.reason if row.status == "unreadable" else None


def report_baselines(
    names: Sequence[str],
    series: Mapping[str, str],
    read: Callable[[str, datetime, datetime], Mapping[datetime, LedgerRow]],
) -> Report:
    """Report on baselines, each named "horizon end", of runs whose pipeline execution succeeded.

    Parameters
    ----------
    read : callable
        Returns the ledger's rows of a series in [first, last].
    """
    ends: dict[str, list[datetime]] = {}
    for name in names:
        horizon, _, end = name.partition(" ")
        ends.setdefault(horizon, []).append(parse_instant(end))
    left_out: list[Stretch] = []
    stale = 0
    for horizon, asked in ends.items():
        rows = read(series[horizon], min(asked), max(asked))
        found = [(end, rows[end]) for end in sorted(asked) if end in rows and rows[end].status in LEFT_OUT]
        left_out += stretches(horizon, found)
        stale += sum(end in rows and rows[end].status == "stale" for end in asked)
    by_status = {status: [item for item in left_out if item.status == status] for status in LEFT_OUT}
    report = Report.model_validate(
        {**by_status, "built": len(names) - sum(item.count for item in left_out), "stale": stale}
    )
    return report.model_copy(update={"message": _message(report)})


def _message(report: Report) -> str:
    sentences = [f"{counted(report.built, 'baseline')} built."]
    if report.stale:
        stale = counted(report.stale, "of them is stale: its inputs", "of them are stale: their inputs")
        sentences.append(f"{stale} changed after the run began; start the same request again.")
    if report.in_progress:
        sentences.append(in_progress_sentence(report.in_progress))
    if report.insufficient_history:
        count = sum(item.count for item in report.insufficient_history)
        short = counted(count, "has too little history", "have too little history")
        sentences.append(f"{short}; the ledger says what is missing of each.")
    unfinished = sum(item.count for item in [*report.abandoned, *report.failed])
    if unfinished:
        sentences.append(
            f"{counted(unfinished, 'was', 'were')} left to other executions, which did not finish "
            f"{agreeing(unfinished, 'it', 'them')}; start the same request again."
        )
    return " ".join(sentences)


def in_progress_sentence(items: Sequence[Stretch]) -> str:
    """Say which executions build what is left out, and until when their leases run."""
    count = sum(item.count for item in items)
    holders = sorted({(str(item.holder), str(item.until)) for item in items})
    named = ", ".join(f"{holder} until {until}" for holder, until in holders[:3]) + (", ..." if holders[3:] else "")
    return (
        f"{counted(count, 'is', 'are')} in progress elsewhere and left out, held by {named}; "
        "start the same request again when it has ended: what is completed is skipped."
    )


def followed_sentence(what: str, arns: Sequence[str]) -> str:
    """Say which pipeline executions already do what was asked for."""
    distinct = list(dict.fromkeys(arns))
    named = ", ".join(distinct[:3]) + (f" and {len(distinct) - 3} more" if distinct[3:] else "")
    return f"{what} by {named}; this execution follows {'it' if len(distinct) == 1 else 'them'}."
