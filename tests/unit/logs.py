"""Logs of one file read as a job reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pyarrow import fs

from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.contract.time import Interval
from ndr.jobs.deltas.bad_files import BadFiles
from ndr.jobs.deltas.read import reads_of
from ndr.sources.integration.validity import split

ALL_TIME = Interval(datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC))
START = datetime(2026, 1, 31, 6, 3, 4, tzinfo=UTC)
FLOW = {
    "source_ip": "10.0.0.1", "source_port": 50000, "destination_ip": "192.0.2.9", "destination_port": 443,
    "source_bytes": 100, "destination_bytes": 200, "event_start": START, "event_end": START + timedelta(seconds=12),
    "event_action": "allow", "event_name": "TRAFFIC", "event_reason": "tcp-fin", "network_transport": "tcp",
}  # fmt: skip
"""A flow whose logs the tests of several sources write."""


def spec_of(source: str = "integration", **changes: Any) -> DeltaBuilderSpec:
    inputs = {"integration": "s3://data/logs/", "source": source, **changes.pop("inputs", {})}
    return DeltaBuilderSpec.model_validate({"inputs": inputs, "outputs": {"deltas": "s3://data/deltas/"}, **changes})


def flows_and_rejects(
    path: Path,
    source: str,
    bad: list[str] | None = None,
    kinds: dict[str, int] | None = None,
    **changes: Any,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the flows of a file and its quarantined rows.

    `bad` takes the sentences on bad files, which are raised without it, `kinds` the numbers of rows that are not flows.
    """
    noted = None if bad is None else BadFiles()
    reads = list(reads_of(fs.LocalFileSystem(), [str(path)], spec_of(source, **changes), threads=1, bad=noted))
    parts = [split(read.table, ALL_TIME) for read in reads]
    for read in reads:
        for kind, rows in read.not_flows.items():
            if kinds is not None:
                kinds[kind] = kinds.get(kind, 0) + rows
    if bad is not None and noted is not None:
        bad += map(str, noted.errors)
    rows = sum(sum(read.rows_of_file) for read in reads)
    told = sum(part.flows.num_rows + part.quarantined.num_rows for part in parts)
    assert rows == told + sum(sum(read.not_flows.values()) for read in reads)
    flows = [flow for part in parts for flow in part.flows.to_pylist()]
    return flows, [row for part in parts for row in part.quarantined.to_pylist()]
