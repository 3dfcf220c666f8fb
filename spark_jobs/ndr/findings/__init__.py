"""Findings: hosts and pairs whose scores are unusual, why, and by which baseline."""

from ndr.findings.finding import Baseline, Findings, HostFinding, PairFinding, Reason, Source, Suppressed
from ndr.findings.levels import Confidence, Severity
from ndr.findings.newest import newest_findings
from ndr.findings.place import FindingsPlace

__all__ = [
    "Baseline",
    "Confidence",
    "Findings",
    "FindingsPlace",
    "HostFinding",
    "PairFinding",
    "Reason",
    "Severity",
    "Source",
    "Suppressed",
    "newest_findings",
]
