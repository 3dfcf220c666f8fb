"""The baselines as a grid: what is built, by horizon and end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ndr.contract.datasets import FG_B
from ndr.contract.horizons import HORIZONS
from ndr.contract.ledger import row_of
from ndr.contract.time import parse_instant
from ndr.report.published import Published


@dataclass(frozen=True, slots=True)
class BaselineState:
    """What is known of a baseline: its ledger row, or `published` where the ledger has none, and why."""

    horizon: str
    end: datetime
    status: str
    reason: str | None


def baseline_grid(
    published: Published, ledger: Iterable[Mapping[str, Any]], owner: tuple[str, str], now: datetime
) -> list[BaselineState]:
    """Return the state of each baseline that the ledger or the data knows, by horizon and end.

    Parameters
    ----------
    ledger : iterable of dict
        Its items; those of other projects, versions and datasets are left out.
    owner : tuple of str
        Project and version.
    """
    found = {
        (horizon, each.manifest.end): BaselineState(horizon, each.manifest.end, "published", None)
        for horizon, partitions in published.baselines.items()
        for each in partitions
    }
    for item in ledger:
        project, version, dataset, *horizon = str(item.get("series", "")).split("#")
        if (project, version, dataset) != (*owner, FG_B) or len(horizon) != 1:
            continue
        row, end = row_of(item, now), parse_instant(item["as_of"], "as_of")
        reason = row.reason or (f"held by {row.holder} until {row.until}" if row.holder else None)
        found[horizon[0], end] = BaselineState(horizon[0], end, row.status, reason)
    order = list(HORIZONS)
    return sorted(found.values(), key=lambda each: (order.index(each.horizon), each.end))
