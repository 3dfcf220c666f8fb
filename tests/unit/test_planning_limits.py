"""The limits of one execution, to the byte and to the event."""

from __future__ import annotations

import pytest

from ndr.contract.errors import InvalidRequestError
from ndr.planner.limits import check_limits, document_bytes, history_events
from ndr.planner.plan import BaselinesPlan, PlannedRun


def _plan(runs: int = 0, baselines: int = 0, message: str = "") -> BaselinesPlan:
    return BaselinesPlan(
        project_name="p",
        feature_spec_version="v1",
        dry_run=False,
        mode="BACKFILL",
        horizon="7d",
        reprocess="failed",
        max_concurrency=4,
        series={},
        runs=[PlannedRun(parameters={}, baselines=[])] * runs,
        baselines=baselines,
        message=message,
    )


def test_a_plan_may_have_224_kib_and_no_byte_more() -> None:
    rest = 224 * 1024 - document_bytes(_plan().document())
    check_limits(_plan(message="x" * rest))
    with pytest.raises(
        InvalidRequestError, match="0 chunks with 0 baselines: 224 KiB of at most 224 and up to 120 his"
    ):
        check_limits(_plan(message="x" * (rest + 1)))
    with pytest.raises(InvalidRequestError, match="baselines: 1000 KiB of at most 224 and"):
        check_limits(_plan(message="x" * (rest + (1000 - 224) * 1024)))


def test_a_document_is_measured_in_bytes_of_utf_8() -> None:
    assert document_bytes({"a": [1, "\u00e9"]}) == len(b'{"a":[1,"\xc3\xa9"]}')


def test_the_history_of_25_000_events_is_for_what_runs_once_for_chunks_and_for_baselines() -> None:
    assert [history_events(*each) for each in ((0, 0), (1, 0), (0, 1), (2, 3))] == [120, 132, 129, 171]
    check_limits(_plan(baselines=2_764))
    with pytest.raises(InvalidRequestError, match="up to 25005 history events of at most 25000"):
        check_limits(_plan(baselines=2_765))
    check_limits(_plan(runs=1, baselines=2_763))
    with pytest.raises(InvalidRequestError, match="1 chunks with 2764 baselines: .* up to 25008 history events"):
        check_limits(_plan(runs=1, baselines=2_764))
