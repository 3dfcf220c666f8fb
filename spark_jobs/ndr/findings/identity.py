"""The identity of a finding: the same whenever, wherever and from whatever run it is made."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Final, Literal

from ndr.contract.manifest import Owner
from ndr.contract.time import DAY, SLICE, Interval, day_text, floor_to

Kind = Literal["host", "pair"]
_SCHEME: Final = 1
"""Of the digest. Another one makes every finding a new one."""


def day_of_window(window_end: datetime) -> Interval:
    """Return the UTC day of a window's last slice: a window that ends at midnight is of the day before."""
    start = floor_to(window_end - SLICE, DAY)
    return Interval(start, start + DAY)


def finding_uid(owner: Owner, kind: Kind, entity: tuple[str | int, ...], day: Interval) -> str:
    """Return the uid of an entity's finding of a UTC day: a SHA-256 in hexadecimal.

    Parameters
    ----------
    owner : Owner
        Project and feature spec version.
    kind : {"host", "pair"}
        Whose score it is; each kind has one formula.
    entity : tuple
        `(host_ip,)`, or `(src_ip, dst_ip, dst_port)`.
    """
    named = [_SCHEME, *owner, kind, list(entity), day_text(day.start)]
    return hashlib.sha256(json.dumps(named, separators=(",", ":")).encode()).hexdigest()
