"""The modules whose mutants are tried, each with the tests that stand beside it."""

from __future__ import annotations

_PLANS = (
    "tests/unit/test_planning_baselines.py",
    "tests/unit/test_planning_chunks.py",
    "tests/unit/test_planning_ledger_rows.py",
    "tests/unit/test_planning_running.py",
    "tests/unit/test_requests_baselines.py",
    "tests/unit/test_requests_mini_batch.py",
    "tests/unit/test_upstream.py",
    "tests/unit/test_explain_failure.py",
)
_STORE = (
    "tests/unit/test_catalog.py",
    "tests/unit/test_manifest_format.py",
    "tests/jobs/test_publish.py",
)

MODULES: dict[str, tuple[str, ...]] = {
    "ndr.jobs.leases": ("tests/unit/test_leases.py",),
    "ndr.jobs.fg_b.capping": ("tests/unit/test_capping.py",),
    "ndr.store.catalog": ("tests/unit/test_catalog.py", "tests/unit/test_catalog_pieces.py"),
    "ndr.store.manifest": (*_STORE, "tests/jobs/test_conditional_commit.py"),
    "ndr.store.publish": (*_STORE, "tests/jobs/test_conditional_commit.py"),
    "ndr.contract.lineage": ("tests/unit/test_lineage.py",),
    "ndr.contract.manifest": ("tests/unit/test_manifest_format.py", "tests/unit/test_catalog.py"),
    **{
        f"ndr.planner.{name}": _PLANS
        for name in (
            "baselines", "batches", "chunks", "in_progress", "late", "late_files", "ledger_rows", "limits",
            "mini_batch", "report", "requested_baselines", "requests", "running", "upstream",
        )
    },
}  # fmt: skip
