"""A finding as a document of the Elastic Common Schema; what ECS has no field for is below `ndr`."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from ndr.contract.time import format_instant
from ndr.findings.attack import Attack, attacks
from ndr.findings.finding import HOST_FORMULA, PAIR_FORMULA, AnyFinding, HostFinding
from ndr.findings.states import Activity, Status, status_of
from ndr.findings.words import PRODUCT, VENDOR, details, title

ECS_VERSION: Final = "9.3.0"
_ACTIONS: Final = {
    Activity.CREATE: "finding-created",
    Activity.UPDATE: "finding-updated",
    Activity.CLOSE: "finding-closed",
}


def ecs_document(finding: AnyFinding, activity: Activity, modified: datetime) -> dict[str, Any]:
    """Return the document that tells the state of a finding; its `event.id` is the finding's uid.

    Parameters
    ----------
    modified : datetime
        When the scores were published that led to this state.
    """
    document = {
        "@timestamp": format_instant(finding.last_seen),
        "ecs": {"version": ECS_VERSION},
        "message": finding.sentence,
        "event": {
            "id": finding.uid,
            "kind": "alert",
            "category": ["network", "intrusion_detection"],
            "type": ["info"],
            "action": _ACTIONS[activity],
            "module": "ndr",
            "dataset": "ndr.findings",
            "provider": PRODUCT,
            "severity": int(finding.severity),
            "risk_score": finding.score,
            "start": format_instant(finding.first_seen),
            "end": format_instant(finding.last_seen),
            "created": format_instant(modified),
            "reason": finding.sentence,
        },
        "rule": {
            "id": f"ndr-fg-c-{finding.kind}-score",
            "name": title(finding),
            "category": f"{finding.kind} anomaly",
            "description": HOST_FORMULA if isinstance(finding, HostFinding) else PAIR_FORMULA,
            "version": finding.owner.feature_spec_version,
        },
        "observer": {"vendor": VENDOR, "product": PRODUCT, "type": "ndr"},
        **_ends(finding),
        "ndr": {
            **details(finding),
            "severity": finding.severity.caption,
            "confidence": finding.confidence.caption,
            "status": _word(status_of(activity)),
        },
    }
    found = attacks(finding)
    return document | ({"threat": _threat(found)} if found else {})


def closed_document(told: dict[str, Any], status: Status, modified: datetime) -> dict[str, Any]:
    """Return the document that closes a finding, from the one that told it last."""
    event = {**told["event"], "action": _ACTIONS[Activity.CLOSE], "created": format_instant(modified)}
    return {**told, "event": event, "ndr": {**told["ndr"], "status": _word(status)}}


def is_closed(told: dict[str, Any]) -> bool:
    """Tell whether a document closes its finding."""
    return bool(told["event"]["action"] == _ACTIONS[Activity.CLOSE])


def _word(status: Status) -> str:
    return status.name.lower()


def _ends(finding: AnyFinding) -> dict[str, Any]:
    address = str(finding.entity[0])
    host: dict[str, Any] = {"ip": [address]}
    if finding.machine_name:
        host["name"] = finding.machine_name
    if isinstance(finding, HostFinding):
        return {"host": host, "related": {"ip": [address]} | _hosts(finding)}
    return {
        "host": host,
        "source": {"ip": address},
        "destination": {"ip": finding.dst_ip, "port": finding.dst_port},
        "network": {"bytes": finding.bytes},
        "related": {"ip": sorted({address, finding.dst_ip})} | _hosts(finding),
    }


def _hosts(finding: AnyFinding) -> dict[str, Any]:
    return {"hosts": [finding.machine_name]} if finding.machine_name else {}


def _threat(found: tuple[Attack, ...]) -> dict[str, Any]:
    techniques = [(each.technique_id, each.technique) for each in found if each.technique_id]
    named: dict[str, Any] = {
        "framework": "MITRE ATT&CK",
        "tactic": {"id": [each.tactic_id for each in found], "name": [each.tactic for each in found]},
    }
    if techniques:
        named["technique"] = {"id": [uid for uid, _ in techniques], "name": [name for _, name in techniques]}
    return named
