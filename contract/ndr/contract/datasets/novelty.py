"""Metrics of FG-A that count what is new or rare in the lookback."""

from __future__ import annotations

from typing import Final

from ndr.contract.columns import Column, Unit

_NOVEL: Final[tuple[tuple[str, Unit, str], ...]] = (
    ("peer", "peers", "peers"),
    ("port", "ports", "peer ports"),
    ("pair", "pairs", "(peer, port)"),
    ("peer_segment", "segments", "segments of peers"),
)
NOVELTY: Final = tuple(
    Column(f"{kind}_{name}_cnt", "int64", f"{what} of the window {when}", unit)
    for name, unit, what in _NOVEL
    for kind, when in (
        ("new", "on no day of the lookback"),
        ("rare", "on 1 to rare_max_active_days days of the lookback"),
    )
    if (kind, name) != ("rare", "peer_segment")
)
