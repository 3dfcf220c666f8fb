"""What `ndr check` says of traffic in folders that are named by time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.simulated_s3 import s3

from ndr.contract.jobspecs.delta_builder import DeltaBuilderInputs
from ndr.contract.layout import TimeLayout
from ndr.contract.time import parse_instant
from ndr.local.check.finding import Verdict
from ndr.local.check.traffic import newest_finding, settling_findings

__all__ = ["s3"]  # a fixture
NOW = parse_instant("2026-02-01T06:40:00Z")
LAYOUT = "%Y/%m/%d/%H/"


def _inputs(layout: str = LAYOUT) -> DeltaBuilderInputs:
    return DeltaBuilderInputs(integration="s3://data/logs/", layout=layout)


def test_the_newest_folder_is_named_with_its_age(s3: Any) -> None:
    empty = newest_finding(s3, _inputs(), NOW)
    assert (empty.verdict, empty.found) == (
        Verdict.BROKEN,
        "s3://data/logs/ is empty: there is nothing to compute features from.",
    )
    assert empty.mend.startswith(
        "Write logs to s3://data/logs/2026/02/01/06/, see docs/sources.md; or write the layout"
    )
    s3.put_object(Bucket="data", Key="logs/2026/01/29/05/a.json", Body=b"{}")
    old = newest_finding(s3, _inputs(), NOW)
    assert (old.verdict, old.found) == (
        Verdict.WARNING,
        "The newest folder at s3://data/logs/ is 2026/01/29/05, 3 days old.",
    )
    s3.put_object(Bucket="data", Key="logs/2026/02/01/06/a.json", Body=b"{}")
    assert newest_finding(s3, _inputs(), NOW).verdict == Verdict.OK
    other = newest_finding(s3, _inputs("eventDay=%Y%m%d/"), NOW)
    assert (other.verdict, other.found) == (
        Verdict.BROKEN,
        "s3://data/logs/ has objects, and none is in a folder of layout eventDay=%Y%m%d/.",
    )


def test_a_batch_waits_for_its_files() -> None:
    layout = TimeLayout(LAYOUT, timedelta(minutes=10, seconds=30))
    assert list(settling_findings(layout, timedelta(minutes=11))) == []
    (found,) = settling_findings(layout, timedelta(minutes=10))
    assert found.verdict == Verdict.WARNING
    assert "SettleMinutes=11" in found.mend
