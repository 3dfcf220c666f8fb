"""The fields of the Elastic Common Schema that findings use, with their types, from its field reference."""

from __future__ import annotations

from typing import Any

VERSION = "9.3.0"
"""Of the reference that the fields, arrays and values were compared with."""
FIELDS = {
    "@timestamp": "date",
    "destination.ip": "ip",
    "destination.port": "long",
    "ecs.version": "keyword",
    "event.action": "keyword",
    "event.category": "keyword",
    "event.created": "date",
    "event.dataset": "keyword",
    "event.end": "date",
    "event.id": "keyword",
    "event.kind": "keyword",
    "event.module": "keyword",
    "event.provider": "keyword",
    "event.reason": "keyword",
    "event.risk_score": "float",
    "event.severity": "long",
    "event.start": "date",
    "event.type": "keyword",
    "host.ip": "ip",
    "host.name": "keyword",
    "message": "match_only_text",
    "network.bytes": "long",
    "observer.product": "keyword",
    "observer.type": "keyword",
    "observer.vendor": "keyword",
    "related.hosts": "keyword",
    "related.ip": "ip",
    "rule.category": "keyword",
    "rule.description": "keyword",
    "rule.id": "keyword",
    "rule.name": "keyword",
    "rule.version": "keyword",
    "source.ip": "ip",
    "threat.framework": "keyword",
    "threat.tactic.id": "keyword",
    "threat.tactic.name": "keyword",
    "threat.technique.id": "keyword",
    "threat.technique.name": "keyword",
}
ARRAYS = {
    *("event.category", "event.type", "host.ip", "related.hosts", "related.ip"),
    *("threat.tactic.id", "threat.tactic.name", "threat.technique.id", "threat.technique.name"),
}
"""Fields that the reference normalizes to arrays."""
KINDS = {"alert", "asset", "enrichment", "event", "metric", "state", "pipeline_error", "signal"}
TYPES_OF_CATEGORY = {
    "intrusion_detection": {"allowed", "denied", "info"},
    "network": {"access", "allowed", "connection", "denied", "end", "info", "protocol", "start"},
}
"""The types that the reference expects with a category."""
OWN = "ndr"
"""The field set of this project, which ECS leaves to it."""


def flat(document: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the values of a document by their dotted names, without the own field set."""
    found: dict[str, Any] = {}
    for name, value in document.items():
        dotted = f"{prefix}{name}"
        if dotted == OWN:
            continue
        found |= flat(value, f"{dotted}.") if isinstance(value, dict) else {dotted: value}
    return found
