"""What the documents of a finding have in common: names, a title, and the details that no schema has a place for."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from ndr.contract.time import day_text, format_instant
from ndr.findings.finding import HOST_FORMULA, PAIR_FORMULA, AnyFinding, Baseline, HostFinding, PairFinding, Reason

PRODUCT: Final = "NDR feature pipelines"
VENDOR: Final = "ndr"


def title(finding: AnyFinding) -> str:
    """Name what a finding is of."""
    day = day_text(finding.day.start)
    if isinstance(finding, PairFinding):
        return f"Unusual pair {finding.src_ip} to {finding.dst_ip} port {finding.dst_port} on {day}"
    named = f" ({finding.machine_name})" if finding.machine_name else ""
    return f"{'Silent' if finding.is_silent else 'Unusual'} host {finding.host_ip}{named} on {day}"


def details(finding: AnyFinding) -> dict[str, Any]:
    """Return formula, score, values, what is usual, the baselines and the source: all that the score follows from."""
    shared = {
        "project": finding.owner.project_name,
        "feature_spec_version": finding.owner.feature_spec_version,
        "kind": finding.kind,
        "day": day_text(finding.day.start),
        "window_end": format_instant(finding.window_end),
        "windows_cnt": len(finding.seen_at),
        "segment": finding.segment,
        "score": finding.score,
        "baselines": [_baseline(each) for each in finding.baselines],
        "source": {
            "partition": finding.source.uri,
            "run_id": finding.source.run_id,
            "published_at": format_instant(finding.source.published_at),
        },
    }
    if isinstance(finding, HostFinding):
        return shared | {
            "formula": HOST_FORMULA,
            "p_value": finding.p_value,
            "judged_by": finding.judged_by,
            "is_silent": finding.is_silent,
            "reasons": [_reason(each) for each in finding.reasons],
        }
    names = ("is_new", "is_rare", "is_regular", "sessions_cnt", "bytes", "active_days", "dst_prevalence")
    shares = ("regularity", "spread", "novelty", "volume")
    return shared | {"formula": PAIR_FORMULA, **{name: getattr(finding, name) for name in (*names, *shares)}}


def _reason(reason: Reason) -> dict[str, Any]:
    return asdict(reason) | {"baseline": _baseline(reason.baseline) if reason.baseline else None}


def _baseline(baseline: Baseline) -> dict[str, Any]:
    return {name: _text(value) for name, value in asdict(baseline).items()}


def _text(value: Any) -> Any:
    return format_instant(value) if isinstance(value, datetime) else value
