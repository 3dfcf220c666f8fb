"""The metrics of a job: log lines in CloudWatch's embedded metric format.

Each line has the ids of the job beside its values, so that a data point leads to its log.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from ndr.contract.manifest import Manifest
from ndr.jobs.identity import correlation
from ndr.jobs.run import Run

NAMESPACE: Final = "ndr"

Values = Mapping[str, tuple[MetricUnit, float]]


def put_metrics(dimensions: Mapping[str, str], values: Values) -> None:
    """Print one line of metrics."""
    line = EphemeralMetrics(namespace=NAMESPACE)
    for name, text in dimensions.items():
        line.add_dimension(name=name, value=text)
    for name, (unit, value) in values.items():
        line.add_metric(name=name, unit=unit, value=value)
    for name, text in correlation().items():
        line.add_metadata(key=name, value=text)
    line.flush_metrics()


def count_partition(run: Run, manifest: Manifest) -> None:
    """Report a published partition: rows of each of its tables, coverage, and the share of rows quarantined."""
    for name, table in manifest.tables.items():
        put_metrics({"project": run.project_name, "dataset": name}, {"Rows": (MetricUnit.Count, table.rows)})
    of_dataset: dict[str, tuple[MetricUnit, float]] = {
        "PartitionsPublished": (MetricUnit.Count, 1),
        "Coverage": (MetricUnit.Percent, 100 * manifest.coverage),
    }
    if manifest.rows and manifest.rows.rows_in:
        quarantined = 100 * manifest.rows.rows_quarantined / manifest.rows.rows_in
        of_dataset["QuarantinedShare"] = (MetricUnit.Percent, quarantined)
    put_metrics({"project": run.project_name, "dataset": manifest.dataset}, of_dataset)


def count_baseline(run: Run, horizon: str, mode: str) -> None:
    """Count a published baseline: REGULAR shows that the schedules keep up, BACKFILL the progress of a backfill."""
    put_metrics(
        {"project": run.project_name, "horizon": horizon, "mode": mode}, {"BaselinesPublished": (MetricUnit.Count, 1)}
    )


def count_run(project_name: str, job_name: str, seconds: float, failed: bool) -> None:
    """Report the end of a job."""
    put_metrics(
        {"project": project_name, "job": job_name},
        {"JobSeconds": (MetricUnit.Seconds, seconds), "JobFailures": (MetricUnit.Count, int(failed))},
    )


def count_tables(run: Run, dataset: str, failed: bool) -> None:
    """Report a registration of a dataset's Iceberg tables; failures also for all datasets, which the alarm watches."""
    failures = {"TablesFailed": (MetricUnit.Count, int(failed))}
    put_metrics(
        {"project": run.project_name, "dataset": dataset},
        {"TablesRegistered": (MetricUnit.Count, int(not failed)), **failures},
    )
    put_metrics({"project": run.project_name}, failures)


def measure_inventory_age(run: Run, month: str, used: str | None) -> None:
    """Report the age of the inventory, in months before that of the baseline; nothing without an inventory."""
    if used is not None:
        age = 12 * (int(month[:4]) - int(used[:4])) + int(month[5:]) - int(used[5:])
        put_metrics({"project": run.project_name}, {"InventoryAgeMonths": (MetricUnit.Count, age)})


def measure_baseline_age(run: Run, horizon: str, days: int) -> None:
    """Report how many days old the newest baseline of a horizon is."""
    put_metrics({"project": run.project_name, "horizon": horizon}, {"BaselineAgeDays": (MetricUnit.Count, days)})
