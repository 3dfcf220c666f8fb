"""The machines of addresses, as the baselines know them."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa

from ndr.contract.datasets import FG_B_IP_METADATA
from ndr.contract.horizons import HORIZONS
from ndr.store.catalog import newest_baseline
from ndr.store.publish import read_table


def machine_names(fg_b: str, end: datetime) -> dict[str, str]:
    """Return the machine of each address that has one, by the newest baseline of the longest horizon up to `end`."""
    for horizon in sorted(HORIZONS, key=lambda label: HORIZONS[label], reverse=True):
        if baseline := newest_baseline(fg_b, horizon, end):
            table = read_table(baseline.uri, baseline.manifest, FG_B_IP_METADATA, ("host_ip", "machine_name"))
            rows: list[dict[str, str | None]] = pa.Table.to_pylist(table)
            return {str(row["host_ip"]): row["machine_name"] for row in rows if row["machine_name"]}
    return {}
