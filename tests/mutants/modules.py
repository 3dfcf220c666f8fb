"""The modules whose mutants are tried, each with the tests that stand beside it."""

from __future__ import annotations

_PLANS = (
    "tests/unit/test_planning_baselines.py",
    "tests/unit/test_planning_chunks.py",
    "tests/unit/test_planning_claims.py",
    "tests/unit/test_planning_late.py",
    "tests/unit/test_planning_ledger_rows.py",
    "tests/unit/test_planning_limits.py",
    "tests/unit/test_planning_running.py",
    "tests/unit/test_planning_sentences.py",
    "tests/unit/test_requests_baselines.py",
    "tests/unit/test_requests_mini_batch.py",
    "tests/unit/test_upstream.py",
    "tests/unit/test_explain_failure.py",
)
_COMMITS = "tests/jobs/test_conditional_commit.py::"
_STORE = (
    "tests/unit/test_catalog.py",
    "tests/unit/test_manifest_format.py",
    "tests/jobs/test_publish.py",
    f"{_COMMITS}test_who_was_replaced_after_its_fence_publishes_nothing[disk]",
    f"{_COMMITS}test_who_still_may_publish_does_so_over_what_came_in_between[disk]",
)

MODULES: dict[str, tuple[str, ...]] = {
    "ndr.jobs.leases": ("tests/unit/test_leases.py",),
    "ndr.jobs.fg_b.capping": ("tests/unit/test_capping.py",),
    "ndr.store.catalog": ("tests/unit/test_catalog.py", "tests/unit/test_catalog_pieces.py"),
    "ndr.store.manifest": _STORE,
    "ndr.store.publish": _STORE,
    "ndr.contract.lineage": ("tests/unit/test_lineage.py",),
    "ndr.contract.ledger": ("tests/unit/test_planning_ledger_rows.py", "tests/unit/test_planning_baselines.py"),
    "ndr.contract.manifest": ("tests/unit/test_manifest_format.py", "tests/unit/test_catalog.py"),
    **{
        f"ndr.planner.{name}": _PLANS
        for name in (
            "baselines", "baselines_message", "batch_bounds", "batches", "chunks", "claims", "delivered_files",
            "failure", "feature_prefixes", "in_progress", "late", "late_files", "ledger_rows", "limits", "mini_batch",
            "plan", "published", "report", "requested_baselines", "requested_mini_batch", "requests", "running",
            "services", "stale_baselines", "upstream",
        )
    },
}  # fmt: skip
