"""What is said of a mini-batch that was run, from the manifests of its deltas."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.simulated_s3 import s3

from ndr.contract.manifest import MANIFEST_NAME, FileEntry, Manifest, RowAccount, TableEntry
from ndr.contract.time import DAY, SLICE, Interval, day_text, mini_batch_id, parse_instant
from ndr.planner.batch_report import published_rows, report_batch
from ndr.planner.plan import BatchToReport
from ndr.planner.verdict import NOTHING_BUILT

__all__ = ["s3"]  # a fixture
START = parse_instant("2026-01-31T06:15:00Z")


def batch(start: datetime = START, length: timedelta = SLICE, replaced: int = 0, bucket: str = "data") -> BatchToReport:
    return BatchToReport(
        project_name="ndr",
        feature_spec_version="v1",
        deltas=f"s3://{bucket}/ndr/v1/deltas",
        start=start,
        end=start + length,
        replaced=replaced,
    )


def publish(s3: Any, interval: Interval, account: RowAccount, coverage: float = 1.0, project: str = "ndr") -> None:
    rows = account.rows_used
    table = TableEntry(rows=rows, schema_sha256="s", files=(FileEntry(path="a.parquet", rows=rows, bytes=1),))
    manifest = Manifest(
        dataset="deltas",
        project_name=project,
        feature_spec_version="v1",
        start=interval.start,
        end=interval.end,
        tables={"deltas": table},
        rows=account,
        coverage=coverage,
        code_version="c",
        run_id="r",
        published_at=interval.end,
    )
    key = f"ndr/v1/deltas/dt={day_text(interval.start)}/{mini_batch_id(interval)}/{MANIFEST_NAME}"
    s3.put_object(Bucket="data", Key=key, Body=manifest.model_dump_json().encode())


def account(used: int, quarantined: int = 0, repeated: int = 0) -> RowAccount:
    total = used + quarantined + repeated
    return RowAccount(rows_in=total, rows_used=used, rows_quarantined=quarantined, rows_repeated=repeated)


def test_the_rows_of_a_slice_are_told(s3: Any) -> None:
    publish(s3, Interval(START, START + SLICE), account(90, 8, 2))
    report = report_batch(s3, batch(replaced=70))
    assert report.rows is not None
    assert report.rows.model_dump() == {
        "rows_in": 100,
        "used": 90,
        "quarantined": 8,
        "repeated": 2,
        "replaced": 70,
    }
    assert (report.coverage, report.warning) == (1.0, None)
    assert report.message == (
        "100 rows came in: 90 used, 8 quarantined, 2 repeated; coverage 100%. 70 published rows were replaced."
    )


def test_days_of_a_longer_batch_are_added_and_their_coverage_is_weighted(s3: Any) -> None:
    start = parse_instant("2026-01-30")
    publish(s3, Interval(start, start + DAY), account(5), coverage=1.0)
    publish(s3, Interval(start + DAY, start + 2 * DAY), account(7), coverage=0.5)
    report = report_batch(s3, batch(start, 2 * DAY))
    assert report.rows is not None
    assert (report.rows.rows_in, report.coverage) == (12, 0.75)
    assert published_rows(s3, batch(start, 2 * DAY)) == 12


@pytest.mark.parametrize(
    ("rows", "coverage", "warning"),
    [
        (account(0), 1.0, None),  # an empty mini-batch: a quiet quarter of an hour
        (account(0), 0.0, NOTHING_BUILT),  # none was delivered
        (account(0, 9), 1.0, NOTHING_BUILT),  # no row of it can be used
        (account(1, 9), 0.5, None),
    ],
)
def test_a_batch_without_a_used_row_is_told_unless_it_was_quiet(
    s3: Any, rows: RowAccount, coverage: float, warning: str | None
) -> None:
    publish(s3, Interval(START, START + SLICE), rows, coverage)
    assert report_batch(s3, batch()).warning == warning


def test_a_batch_of_which_nothing_is_published_is_told(s3: Any) -> None:
    report = report_batch(s3, batch())
    assert (report.warning, report.rows) == (NOTHING_BUILT, None)
    assert report.message == "Nothing is published below s3://data/ndr/v1/deltas."
    assert published_rows(s3, batch()) == 0


@pytest.mark.parametrize("bucket", ["elsewhere", "data"])
def test_what_cannot_be_read_is_not_known(s3: Any, bucket: str) -> None:
    publish(s3, Interval(START, START + SLICE), account(1), project="another")
    report = report_batch(s3, batch(bucket=bucket))
    assert (report.warning, report.rows) == (None, None)
    assert report.message.startswith("What was published is not known: ")
