"""Findings of a check, one line each, and their number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from rich.console import Console
from rich.text import Text

from ndr.local.check.finding import Finding, Verdict
from ndr.local.console.plain import plain

STYLES: Final = {
    Verdict.OK: "green",
    Verdict.WARNING: "yellow",
    Verdict.BROKEN: "red",
    Verdict.NOT_CHECKED: "magenta",
}


def print_findings(console: Console, found: Iterable[Finding]) -> list[Finding]:
    """Print each finding as it is made, what mends it below it, and how many there are of each kind; return them."""
    findings = []
    for finding in found:
        findings.append(finding)
        verdict = Text(f"{finding.verdict:<11}  ", style=STYLES[finding.verdict])
        console.print(Text.assemble(verdict, plain(f"{finding.area:<12}  {finding.found}")), soft_wrap=True)
        if finding.mend:
            console.print(Text(plain(f"{'':<11}  {'':<12}  -> {finding.mend}")), soft_wrap=True)
    counted = Counter(finding.verdict for finding in findings)
    summary = ", ".join(f"{counted[verdict]} {verdict}" for verdict in Verdict if counted[verdict])
    console.print(Text(f"{summary}."), soft_wrap=True)
    return findings


def finding_records(findings: Iterable[Finding]) -> list[dict[str, str]]:
    """Return findings as JSON objects."""
    return [
        {"area": each.area, "verdict": str(each.verdict), "found": each.found, "mend": each.mend} for each in findings
    ]
