"""The report of a run: what became of the baselines of the windows that succeeded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from ndr.contract.ledger import LedgerEntry
from ndr.contract.time import format_instant, parse_instant

LEFT_OUT: Final = ("in_progress", "insufficient_history", "abandoned", "failed")
"""How a succeeded window can leave a baseline unbuilt; the ledger says so. What was left to somebody who held it may
have failed since, or be in nobody's hands."""


def stretches(horizon: str, entries: Sequence[tuple[datetime, LedgerEntry]]) -> list[dict[str, Any]]:
    """Return consecutive baselines that the ledger says the same of as one item each."""
    runs = groupby(entries, key=lambda each: _without_reason(each[1]))
    listed = [(entry, [end for end, _ in run]) for entry, run in runs]
    return [
        {
            "horizon": horizon,
            "status": entry.status,
            "first": format_instant(ends[0]),
            "last": format_instant(ends[-1]),
            "count": len(ends),
            **({"holder": entry.holder, "until": entry.until} if entry.holder else {}),
        }
        for entry, ends in listed
    ]


def _without_reason(entry: LedgerEntry) -> LedgerEntry:
    return LedgerEntry(entry.status, entry.holder, entry.until)


def report_baselines(
    names: Sequence[str],
    series: Mapping[str, str],
    read: Callable[[str, datetime, datetime], Mapping[datetime, LedgerEntry]],
) -> dict[str, Any]:
    """Report on baselines, each named "horizon end", of windows whose pipeline execution succeeded.

    Parameters
    ----------
    read : callable
        Returns the ledger's entries of a series in [first, last].

    Returns
    -------
    dict
        `built`, their number, and how many of them are `stale` already; for each of LEFT_OUT the stretches that were
        left out; `message`.
    """
    ends: dict[str, list[datetime]] = {}
    for name in names:
        horizon, _, end = name.partition(" ")
        ends.setdefault(horizon, []).append(parse_instant(end))
    left_out: list[dict[str, Any]] = []
    stale = 0
    for horizon, asked in ends.items():
        entries = read(series[horizon], min(asked), max(asked))
        found = [(end, entries[end]) for end in sorted(asked) if end in entries and entries[end].status in LEFT_OUT]
        left_out += stretches(horizon, found)
        stale += sum(end in entries and entries[end].status == "stale" for end in asked)
    report: dict[str, Any] = {status: [item for item in left_out if item["status"] == status] for status in LEFT_OUT}
    report["built"] = len(names) - sum(item["count"] for item in left_out)
    report["stale"] = stale
    return {**report, "message": _message(report)}


def _message(report: Mapping[str, Any]) -> str:
    sentences = [f"{report['built']} baselines built."]
    if report["stale"]:
        sentences.append(
            f"{report['stale']} of them are stale: events came late after they began; start the same request again."
        )
    if report["in_progress"]:
        sentences.append(in_progress_sentence(report["in_progress"]))
    if report["insufficient_history"]:
        count = sum(item["count"] for item in report["insufficient_history"])
        sentences.append(f"{count} have too little history; the ledger says what is missing of each.")
    unfinished = sum(item["count"] for status in ("abandoned", "failed") for item in report[status])
    if unfinished:
        sentences.append(f"{unfinished} were left to others, who did not finish them; start the same request again.")
    return " ".join(sentences)


def in_progress_sentence(items: Sequence[Mapping[str, Any]]) -> str:
    """Say who builds what is left out, and until when it is theirs."""
    count = sum(item["count"] for item in items)
    holders = sorted({(item["holder"], item["until"]) for item in items})
    named = ", ".join(f"{holder} until {until}" for holder, until in holders[:3]) + (", ..." if holders[3:] else "")
    return (
        f"{count} are in progress elsewhere and left out, held by {named}; "
        "start the same request again when it has ended: what is completed is skipped."
    )


def followed_sentence(what: str, arns: Sequence[str]) -> str:
    """Say which pipeline executions do already what was asked for."""
    distinct = list(dict.fromkeys(arns))
    named = ", ".join(distinct[:3]) + (f" and {len(distinct) - 3} more" if distinct[3:] else "")
    return f"{what} by {named}; this execution follows {'it' if len(distinct) == 1 else 'them'}."
