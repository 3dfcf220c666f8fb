"""A finding as an OCSF Detection Finding (class 2004, OCSF 1.5.0), with its baselines as `anomaly_analyses`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from ndr.contract.time import EPOCH, WINDOWS, day_text
from ndr.findings.attack import ATTACK_VERSION, Attack, attacks
from ndr.findings.finding import HOST_FORMULA, PAIR_FORMULA, AnyFinding, Baseline, HostFinding, PairFinding, Reason
from ndr.findings.levels import confidence_score
from ndr.findings.states import Activity, Status, status_of
from ndr.findings.words import PRODUCT, VENDOR, details, title

OCSF_VERSION: Final = "1.5.0"
_CLASS_UID: Final = 2004
_MILLISECONDS: Final = 1000
_STATISTICAL: Final = 3
_UNKNOWN_DEVICE: Final = 0
_HOSTNAME: Final = 1
_IP_ADDRESS: Final = 2
_HOURS: Final = 4


def milliseconds(instant: datetime) -> int:
    """Return OCSF's timestamp of an instant."""
    return round((instant - EPOCH).total_seconds() * _MILLISECONDS)


def instant_of_milliseconds(number: int) -> datetime:
    """Return the instant of OCSF's timestamp."""
    return EPOCH + timedelta(milliseconds=number)


def ocsf_document(finding: AnyFinding, activity: Activity, modified: datetime) -> dict[str, Any]:
    """Return the event that tells the state of a finding.

    Parameters
    ----------
    modified : datetime
        When the scores were published that led to this state.
    """
    severity, confidence = finding.severity, finding.confidence
    percent = confidence_score(finding.p_value) if isinstance(finding, HostFinding) else None
    return {
        **_class_of(activity),
        **_status_of(status_of(activity)),
        "time": milliseconds(finding.last_seen),
        "start_time": milliseconds(finding.first_seen),
        "end_time": milliseconds(finding.last_seen),
        "count": len(finding.seen_at),
        "severity_id": int(severity),
        "severity": severity.caption,
        "confidence_id": int(confidence),
        "confidence": confidence.caption,
        **({} if percent is None else {"confidence_score": percent}),
        "is_alert": activity is Activity.CREATE,
        "message": finding.sentence,
        "metadata": _metadata(finding.owner.feature_spec_version, finding.owner.project_name, modified),
        "finding_info": _finding_info(finding, modified),
        "device": _device(finding),
        "observables": _observables(finding),
        "evidences": [_evidence(finding)],
        "anomaly_analyses": [_analysis(finding)],
        "unmapped": details(finding),
    }


def closed_document(told: dict[str, Any], status: Status, modified: datetime) -> dict[str, Any]:
    """Return the event that closes a finding, from the event that told it last."""
    info = {**told["finding_info"], "modified_time": milliseconds(modified)}
    metadata = {**told["metadata"], "modified_time": milliseconds(modified)}
    changed = {**_class_of(Activity.CLOSE), **_status_of(status), "is_alert": False}
    return {**told, **changed, "finding_info": info, "metadata": metadata}


def _class_of(activity: Activity) -> dict[str, Any]:
    name = activity.name.capitalize()
    return {
        "class_uid": _CLASS_UID,
        "class_name": "Detection Finding",
        "category_uid": 2,
        "category_name": "Findings",
        "activity_id": int(activity),
        "activity_name": name,
        "type_uid": 100 * _CLASS_UID + activity,
        "type_name": f"Detection Finding: {name}",
    }


def _status_of(status: Status) -> dict[str, Any]:
    return {"status_id": int(status), "status": status.name.replace("_", " ").title()}


def _metadata(version: str, project: str, modified: datetime) -> dict[str, Any]:
    return {
        "version": OCSF_VERSION,
        "product": {"name": PRODUCT, "vendor_name": VENDOR, "version": version},
        "log_name": "findings",
        "tenant_uid": project,
        "modified_time": milliseconds(modified),
    }


def _finding_info(finding: AnyFinding, modified: datetime) -> dict[str, Any]:
    is_host = isinstance(finding, HostFinding)
    info = {
        "uid": finding.uid,
        "title": title(finding),
        "desc": finding.sentence,
        "types": [f"{finding.kind} anomaly"],
        "analytic": {
            "uid": f"ndr-fg-c-{finding.kind}-score",
            "name": f"FG-C {finding.kind} score",
            "type_id": _STATISTICAL,
            "type": "Statistical",
            "desc": HOST_FORMULA if is_host else PAIR_FORMULA,
            "version": finding.owner.feature_spec_version,
        },
        "data_sources": [finding.source.uri, *(baseline.uri for baseline in finding.baselines)],
        "first_seen_time": milliseconds(finding.first_seen),
        "last_seen_time": milliseconds(finding.last_seen),
        "created_time": milliseconds(finding.first_seen),
        "modified_time": milliseconds(modified),
    }
    found = [_attack(each) for each in attacks(finding)]
    return info | ({"attacks": found} if found else {})


def _attack(attack: Attack) -> dict[str, Any]:
    technique = {"technique": {"uid": attack.technique_id, "name": attack.technique}} if attack.technique_id else {}
    return {"version": ATTACK_VERSION, "tactic": {"uid": attack.tactic_id, "name": attack.tactic}, **technique}


def _device(finding: AnyFinding) -> dict[str, Any]:
    address = str(finding.entity[0])
    named = {"hostname": finding.machine_name} if finding.machine_name else {}
    return {"type_id": _UNKNOWN_DEVICE, "type": "Unknown", "ip": address, "subnet_uid": finding.segment, **named}


def _observables(finding: AnyFinding) -> list[dict[str, Any]]:
    found = [_observable("device.ip", _IP_ADDRESS, "IP Address", str(finding.entity[0]))]
    if finding.machine_name:
        found.append(_observable("device.hostname", _HOSTNAME, "Hostname", finding.machine_name))
    if isinstance(finding, PairFinding):
        found.append(_observable("evidences[0].dst_endpoint.ip", _IP_ADDRESS, "IP Address", finding.dst_ip))
    return found


def _observable(name: str, type_id: int, type_: str, value: str) -> dict[str, Any]:
    return {"name": name, "type_id": type_id, "type": type_, "value": value}


def _evidence(finding: AnyFinding) -> dict[str, Any]:
    """Return the flows of a pair; of a host the partition that has its score."""
    source = {"ip": str(finding.entity[0]), **({"hostname": finding.machine_name} if finding.machine_name else {})}
    evidence: dict[str, Any] = {"src_endpoint": source, "data": {"partition": finding.source.uri,
                                                                 "run_id": finding.source.run_id}}  # fmt: skip
    if isinstance(finding, PairFinding):
        evidence["dst_endpoint"] = {"ip": finding.dst_ip, "port": finding.dst_port}
    return evidence


def _analysis(finding: AnyFinding) -> dict[str, Any]:
    target = {"name": title(finding), "type": finding.kind}
    if isinstance(finding, PairFinding):
        return {"analysis_targets": [target], **_of_pair(finding)}
    return {
        "analysis_targets": [target],
        "anomalies": [_anomaly(reason, finding.window_end) for reason in finding.reasons],
        "baselines": [_baseline(reason) for reason in finding.reasons],
    }


def _parameter(reason: Reason) -> str:
    return f"{reason.metric} {reason.role} {reason.window_label}"


def _anomaly(reason: Reason, end: datetime) -> dict[str, Any]:
    start = end - WINDOWS[reason.window_label]
    span = {"start_time": milliseconds(start), "end_time": milliseconds(end), "type_id": _HOURS, "type": "Hours"}
    span["duration_hours"] = WINDOWS[reason.window_label].seconds // 3600 + 24 * WINDOWS[reason.window_label].days
    return {
        "observation_parameter": _parameter(reason),
        "observation_type": "Volume Analysis" if reason.value > reason.usual else "Absence Analysis",
        "observations": [{"value": _number(reason.value), "timespan": span}],
    }


def _baseline(reason: Reason) -> dict[str, Any]:
    observed = [f"median {_number(reason.usual)}"]
    if reason.p95 is not None:
        observed.append(f"p95 {_number(reason.p95)}")
    return {
        "observation_parameter": _parameter(reason),
        "observation_type": f"{reason.judged_by} baseline {named(reason.baseline, reason.baseline_horizon)}",
        "observations": [{"value": each} for each in observed],
    }


def named(baseline: Baseline | None, horizon: str) -> str:
    """Name a baseline: its horizon, its as-of day and its run."""
    return horizon if baseline is None else f"{horizon} as of {day_text(baseline.as_of)} run {baseline.run_id}"


def _of_pair(finding: PairFinding) -> dict[str, Any]:
    traits = {"is_new": finding.is_new, "is_rare": finding.is_rare, "is_regular": finding.is_regular}
    pattern = ", ".join(name.removeprefix("is_") for name, holds in traits.items() if holds)
    anomalies = [
        {
            "observation_parameter": name,
            "observation_type": "Frequency Analysis" if name != "bytes" else "Volume Analysis",
            "observed_pattern": pattern,
            "observations": [{"value": _number(value)}],
        }
        for name, value in (
            ("score", finding.score),
            ("sessions_cnt", finding.sessions_cnt),
            ("bytes", finding.bytes),
            ("regularity", finding.regularity),
        )
    ]
    usual = [f"active_days {finding.active_days}"]
    if finding.dst_prevalence is not None:
        usual.append(f"dst_prevalence {_number(finding.dst_prevalence)}")
    baselines = [
        {
            "observation_parameter": "activity of the pair",
            "observation_type": f"pair baseline {named(baseline, baseline.horizon)}",
            "observations": [{"value": each} for each in usual],
        }
        for baseline in finding.baselines
    ]
    return {"anomalies": anomalies, **({"baselines": baselines} if baselines else {})}


def _number(value: float) -> str:
    """Write a number so that it can be read back: whole ones without a fraction."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))
