"""The formats of findings, and what their documents have in common: a uid, a time, and whether they close."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ndr.contract.time import parse_instant
from ndr.findings import ecs, ocsf
from ndr.findings.finding import AnyFinding
from ndr.findings.states import Activity, Status

Document = dict[str, Any]


@dataclass(frozen=True)
class Format:
    """A format: how a finding is written in it, and how what was written is read back."""

    name: str
    document: Callable[[AnyFinding, Activity, datetime], Document]
    closed: Callable[[Document, Status, datetime], Document]
    uid_of: Callable[[Document], str]
    modified_of: Callable[[Document], datetime]
    is_closed: Callable[[Document], bool]
    details_of: Callable[[Document], Document]


OCSF: Final = Format(
    "ocsf",
    ocsf.ocsf_document,
    ocsf.closed_document,
    lambda document: str(document["finding_info"]["uid"]),
    lambda document: ocsf.instant_of_milliseconds(document["metadata"]["modified_time"]),
    lambda document: bool(document["activity_id"] == Activity.CLOSE),
    lambda document: dict(document["unmapped"]),
)
ECS: Final = Format(
    "ecs",
    ecs.ecs_document,
    ecs.closed_document,
    lambda document: str(document["event"]["id"]),
    lambda document: parse_instant(document["event"]["created"]),
    ecs.is_closed,
    lambda document: {name: value for name, value in document["ndr"].items() if name != "status"},
)
FORMATS: Final = {each.name: each for each in (OCSF, ECS)}


def lines_of(documents: Iterable[Document]) -> bytes:
    """Return documents as JSON lines. Characters outside ASCII are escaped, so that no terminal obeys them."""
    texts = (json.dumps(each, allow_nan=False, separators=(",", ":")) for each in documents)
    return "".join(f"{text}\n" for text in texts).encode()


def documents_of(content: bytes) -> list[Document]:
    """Read what `lines_of` wrote."""
    return [json.loads(line) for line in content.splitlines() if line]
