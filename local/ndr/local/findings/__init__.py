"""The findings of the newest scored day: FG-C's hosts and pairs with the largest scores, and why."""

from ndr.local.findings.newest import Findings, HostFinding, PairFinding, newest_findings

__all__ = ["Findings", "HostFinding", "PairFinding", "newest_findings"]
