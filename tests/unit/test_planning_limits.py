"""The limits of one execution, to the byte and to the event."""

from __future__ import annotations

import re

import jsonata
import pytest
from tests.statemachines.definition import all_states, source, substituted

from ndr.contract.errors import InvalidRequestError
from ndr.contract.pipelines import backfill_parameters
from ndr.contract.time import DAY, EPOCH, Interval
from ndr.planner.limits import PAYLOAD_BYTES, PLAN_BYTES, check_limits, document_bytes, history_events
from ndr.planner.plan import BaselinesPlan, PlannedRun

DAYS = Interval(EPOCH, EPOCH + DAY)


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


def test_the_history_of_25_000_events_is_for_what_runs_once_and_for_chunks() -> None:
    assert [history_events(chunks) for chunks in (0, 1, 2)] == [120, 132, 144]
    check_limits(_plan(runs=2_073))
    with pytest.raises(InvalidRequestError, match="2,074 chunks with 5,000 baselines: .* up to 25,008 history events"):
        check_limits(_plan(runs=2_074, baselines=5_000))


def test_the_reasons_of_failed_chunks_fit_beside_the_names_of_their_baselines() -> None:
    """The report is told both. A plan may be full of names, less the parameters of each chunk."""
    output = all_states(substituted(source("baselines")))["BuildChunk"]["Catch"][0]["Output"]["reason"]
    share = re.search(r"(\$max\(.*?\]\)\]\))", output)
    assert share is not None
    parameters = document_bytes(PlannedRun(parameters=backfill_parameters("30d", DAYS), baselines=[]).document())
    for chunks in (1, 11, 12, 13, 100, 399, 400, 401, 1_000, 1_500):
        program = jsonata.Jsonata.jsonata(share[1])
        length = program.evaluate(None, {"plan": {"runs": list(range(chunks))}})
        names = PLAN_BYTES - chunks * parameters
        assert names < 0 or names + chunks * (length + 40) < PAYLOAD_BYTES - 4096, chunks
