"""The modules whose mutants are tried, each with the tests that stand beside it."""

from __future__ import annotations

_UNIT = "tests/unit/test_"
_PLANNING = "tests/planning/test_"
_BASELINES = tuple(f"{_UNIT}planning_{name}.py" for name in ("baselines", "running", "sentences"))
_LATE = (f"{_PLANNING}planning_late.py", f"{_UNIT}planning_sentences.py")
_REQUESTS = tuple(f"{_UNIT}requests_{name}.py" for name in ("baselines", "mini_batch"))
_COMMITS = "tests/jobs/test_conditional_commit.py::"
_STORE = (
    "tests/unit/test_catalog.py",
    "tests/unit/test_manifest_format.py",
    "tests/jobs/test_publish.py",
    f"{_COMMITS}test_who_was_replaced_after_its_fence_publishes_nothing[disk]",
    f"{_COMMITS}test_who_still_may_publish_does_so_over_what_came_in_between[disk]",
)

LEFT_OUT: dict[str, str] = dict.fromkeys(
    ("ndr.planner.services", "ndr.planner.requested_baselines", "ndr.planner.requested_mini_batch"),
    "calls the services of an account; tests/statemachines tests it in the account, too slowly for each mutant",
)
"""The modules of the planner whose mutants are not tried, each with the reason."""

MODULES: dict[str, tuple[str, ...]] = {
    "ndr.jobs.leases": ("tests/jobs/test_leases.py",),
    "ndr.jobs.fg_b.capping": ("tests/unit/test_capping.py",),
    "ndr.store.catalog": ("tests/unit/test_catalog.py", "tests/unit/test_catalog_pieces.py"),
    "ndr.store.manifest": _STORE,
    "ndr.store.publish": _STORE,
    "ndr.contract.layout": ("tests/unit/test_layout.py",),
    "ndr.contract.lineage": ("tests/unit/test_lineage.py",),
    "ndr.contract.compacted": ("tests/unit/test_lineage.py", f"{_PLANNING}planning_compaction.py"),
    "ndr.contract.ledger": (f"{_PLANNING}planning_ledger_rows.py", f"{_UNIT}planning_baselines.py"),
    "ndr.contract.manifest": ("tests/unit/test_manifest_format.py", "tests/unit/test_catalog.py"),
    "ndr.planner.limits": (f"{_UNIT}planning_limits.py",),
    "ndr.planner.baselines_message": (f"{_UNIT}planning_sentences.py",),
    "ndr.planner.chunks": (f"{_UNIT}planning_chunks.py",),
    "ndr.contract.ledger_updates": (f"{_PLANNING}ledger_updates.py",),
    **{
        f"ndr.planner.{name}": (f"{_PLANNING}upstream.py",)
        for name in ("upstream", "whole_batches", "partition_names")
    },
    "ndr.planner.time_folders": ("tests/planning/test_time_folders.py",),
    "ndr.planner.compaction": (f"{_PLANNING}planning_compaction.py",),
    **{f"ndr.planner.{name}": (f"{_UNIT}planning_{name}.py",) for name in ("covered", "waiting")},
    "ndr.planner.ledger_rows": (f"{_PLANNING}planning_ledger_rows.py",),
    "ndr.planner.arrival": (f"{_UNIT}planning_arrival.py", f"{_PLANNING}arrivals.py"),
    "ndr.planner.built": (f"{_PLANNING}arrivals.py",),
    "ndr.planner.waiting_events": (f"{_PLANNING}waiting_events.py",),
    "ndr.planner.commits": (f"{_PLANNING}commits.py",),
    "ndr.planner.claims": (f"{_PLANNING}planning_claims.py",),
    **{f"ndr.planner.{name}": (f"{_UNIT}planning_{name}.py",) for name in ("failure", "verdict")},
    "ndr.planner.batch_report": (f"{_PLANNING}planning_batch_report.py",),
    **{f"ndr.planner.{name}": _REQUESTS for name in ("requests", "batch_bounds")},
    **{
        f"ndr.planner.{name}": _BASELINES
        for name in ("baselines", "batches", "in_progress", "mini_batch", "plan", "report", "running")
    },
    **{
        f"ndr.planner.{name}": _LATE
        for name in ("delivered_files", "feature_prefixes", "late", "late_files", "published", "stale_baselines")
    },
}  # fmt: skip
