"""What the data engineer reads, as a document."""

from __future__ import annotations

from typing import Any

from ndr.contract.datasets import MACHINE_INVENTORY
from ndr.report.collect import Collected
from ndr.report.lineage import BaselineLineage


def shaped_data(found: Collected) -> dict[str, Any]:
    """Return coverage, quarantine, lineage, stale partitions, files and times of delivery."""
    account = found.quarantine.account
    return {
        "coverage": [
            [name, [[round(day.share, 4), day.partitions] for day in days]] for name, days in found.coverage.items()
        ],
        "baseline_ends": [
            [horizon, [[each.end, round(each.share, 4)] for each in ends]]
            for horizon, ends in found.baseline_ends.items()
        ],
        "inventory": [
            [each.manifest.start, sum(table.rows for table in each.manifest.tables.values())]
            for each in found.inventory
            if each.manifest.dataset == MACHINE_INVENTORY.name
        ],
        "account": {
            "in": account.rows_in,
            "used": account.rows_used,
            "quarantined": account.rows_quarantined,
            "repeated": account.rows_repeated,
            "not_flows": account.rows_not_flows,
        },
        "quarantine": [
            [each.reason, each.rows, each.files, each.example, each.example_file, each.example_row]
            for each in found.quarantine.by_reason
        ],
        "quarantine_read": found.quarantine.rows_read,
        "lineages": [_lineage(each) for each in found.lineages],
        "stale": [[each.dataset, each.interval.start, each.interval.end, each.run_id, each.inputs]
                  for each in found.stale],
        "files": [
            [each.table, each.partitions, each.files, each.rows, each.bytes, round(each.median_file_bytes)]
            for each in found.files
        ],
        "deliveries": [
            [each.batch.start, each.batch.end, each.files, each.bytes, each.delivered_at, each.published_at,
             round(each.seconds, 1)]
            for each in found.deliveries
        ],
    }  # fmt: skip


def _lineage(found: BaselineLineage) -> dict[str, Any]:
    return {
        "horizon": found.horizon,
        "uri": found.uri,
        "end": found.end,
        "summarized": [found.summarized.start, found.summarized.end],
        "published_at": found.published_at,
        "run_id": found.run_id,
        "code_version": found.code_version,
        "coverage": round(found.coverage, 4),
        "rows": found.rows,
        "reads": [
            [each.dataset, each.interval.start, each.interval.end, each.days_published, each.days_changed]
            for each in found.reads
        ],
        "feature_versions": found.feature_versions,
        "delta_versions": found.delta_versions,
        "files": found.files,
        "bytes": found.bytes,
    }
