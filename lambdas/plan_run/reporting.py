"""What the machines are told once their pipeline executions have ended."""

from __future__ import annotations

from events import ReportBaselines, ReportMiniBatch

from ndr.planner.batch_report import BatchReport, report_batch
from ndr.planner.plan import Report
from ndr.planner.report import report_baselines
from ndr.planner.services import Services
from ndr.planner.verdict import failure_of, warning_of


def reported(services: Services, asked: ReportBaselines | ReportMiniBatch) -> Report | BatchReport:
    """Report on a batch, or on baselines; marks in the ledger what failed or became stale."""
    if isinstance(asked, ReportMiniBatch):
        return report_batch(services.s3, asked.batch)
    # Once more: a baseline that began since the plan may have read the old features.
    services.mark_stale(asked.stale, asked.series)
    services.mark_failed(asked.reasons, asked.series, asked.execution or "")
    report = report_baselines(asked.baselines, asked.series, services.ledger_rows)
    left = [*asked.skipped, *report.left_out]
    verdict = {"warning": warning_of(asked.mode, report.built, left), "failure": failure_of(asked.own, left)}
    return report.model_copy(update=verdict)
