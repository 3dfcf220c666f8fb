"""How many executions, holders and ranges the sentences of a plan name before they only count."""

from __future__ import annotations

from typing import Any

import pytest

from ndr.contract.time import EPOCH, SLICE, Interval
from ndr.planner.baselines_message import baselines_message
from ndr.planner.late import _baselines_sentences, _features_sentences
from ndr.planner.late_files import LateData
from ndr.planner.plan import BaselinesPlan, InventoryRun, PlannedRun, Stretch
from ndr.planner.report import followed_sentence, in_progress_sentence


@pytest.mark.parametrize(
    ("arns", "sentence"),
    [
        (["a"], "It is built by a; this execution follows it."),
        (["a", "a"], "It is built by a; this execution follows it."),
        (["b", "a", "b"], "It is built by b, a; this execution follows them."),
        (["a", "b", "c"], "It is built by a, b, c; this execution follows them."),
        (["a", "b", "c", "d"], "It is built by a, b, c and 1 more; this execution follows them."),
        (["a", "b", "c", "d", "e"], "It is built by a, b, c and 2 more; this execution follows them."),
    ],
)
def test_three_executions_are_named(arns: list[str], sentence: str) -> None:
    assert followed_sentence("It is built", arns) == sentence


@pytest.mark.parametrize(
    ("holders", "named"),
    [
        ("a", "a until 9"),
        ("cab", "a until 9, b until 9, c until 9"),
        ("abcd", "a until 9, b until 9, c until 9, ..."),
    ],
)
def test_three_holders_are_named(holders: str, named: str) -> None:
    items = [
        Stretch(horizon="7d", status="in_progress", first="1", last="2", count=2, holder=holder, until="9")
        for holder in holders
    ]
    assert in_progress_sentence(items) == (
        f"{2 * len(holders)} are in progress elsewhere and left out, held by {named}; "
        "start the same request again when it has ended: what is completed is skipped."
    )


def _plan(**facts: Any) -> BaselinesPlan:
    names: dict[str, Any] = {"project_name": "p", "feature_spec_version": "v1", "mode": "BACKFILL", "horizon": "7d"}
    return BaselinesPlan(**names, dry_run=False, reprocess="failed", max_concurrency=4, series={}, **facts)


def _batch(number: int) -> dict[str, str]:
    return {"MiniBatchId": f"b{number}", "BatchStartTsIso": f"{number}", "BatchEndTsIso": f"{number + 1}"}


def test_a_plan_names_three_of_what_it_builds_first_and_of_what_was_not_delivered() -> None:
    none = "No baseline of p v1 is left to build."
    assert baselines_message(_plan()) == none
    four = _plan(batches=[_batch(number) for number in range(4)], not_delivered=list("abcd"))
    assert baselines_message(four) == (
        f"4 batches of missing features are built first: [0, 1), [1, 2), [2, 3). {none} "
        "No mini-batch was delivered for a, b, c."
    )
    one_runs = _plan(batches=[_batch(0), _batch(1)], followed_batches={"b0": "arn"})
    assert baselines_message(one_runs) == (
        "1 batch of features is being built by arn; this execution follows it. "
        f"1 batch of missing features is built first: [1, 2). {none}"
    )


def test_a_plan_counts_what_it_starts_apart_from_what_it_follows() -> None:
    runs = [
        PlannedRun(parameters={}, baselines=["7d a", "7d b"], pipeline_execution_arn="arn"),
        PlannedRun(parameters={}, baselines=["7d c"]),
        PlannedRun(parameters={}, baselines=["7d d", "7d e"]),
    ]
    inventory = InventoryRun(parameters={"ReferenceMonthIso": "2026-01"}, pipeline_execution_arn="inventory")
    assert baselines_message(_plan(runs=runs, baselines=5, inventory=inventory)) == (
        "The machine inventory of 2026-01 is being unloaded by inventory; this execution follows it. "
        "3 baselines of p v1 to build in 2 pipeline executions. 2 are being built by arn; this execution follows it."
    )


def test_a_plan_says_what_is_skipped_and_which_word_undoes_that() -> None:
    def skipped(status: str, count: int, **facts: str) -> Stretch:
        return Stretch(horizon="7d", status=status, first="1", last="2", count=count, **facts)

    items = [
        skipped("unreadable", 1, reason="first"), skipped("unreadable", 1, reason="second"), skipped("completed", 2),
        skipped("failed", 3), skipped("completed", 4), skipped("insufficient_history", 5),
        skipped("in_progress", 6, holder="arn", until="9"),
    ]  # fmt: skip
    told = baselines_message(_plan(skipped=items)).partition("left to build. ")[2]
    held = (
        "6 are in progress elsewhere and left out, held by arn until 9; "
        "start the same request again when it has ended: what is completed is skipped."
    )
    assert told == (
        "2 have a ledger item that cannot be read, skipped (first); correct or delete the item. "
        '6 are completed and skipped; write "reprocess": "completed" to build them. '
        '3 are failed and skipped; write "reprocess": "failed" to build them. '
        f'5 are insufficient_history and skipped; write "reprocess": "failed" to build them. {held}'
    )
    short = baselines_message(_plan(skipped=items[5:], insufficient={"a": "why", "b": "other"}))
    assert short.partition("left to build. ")[2] == (
        "2 have too little history and are not run: why. "
        f'Write "fill_upstream": true to build missing features first, or load more history. {held}'
    )


def test_late_names_three_times_three_sentences_and_three_baselines() -> None:
    slices = [Interval(EPOCH + number * SLICE, EPOCH + (number + 1) * SLICE) for number in range(5)]
    for count, more in ((3, ""), (4, ", ...")):
        named = ", ".join(map(str, slices[:3])) + more
        _, built = _features_sentences(LateData(stale=tuple(slices)), slices[:count])[:2]
        assert built == f"{count} batches are built again: {named}."
        ends = [("7d", each.end) for each in slices[:count]]
        (baselines,) = _baselines_sentences(ends)
        shown = ", ".join(f"{each.end:%Y-%m-%dT%H:%M:%SZ}" for each in slices[:3]) + more
        assert baselines.startswith(f"{count} baselines of 7d are stale ({shown}): the next run of 7d builds those")
    for count, rest in ((3, ""), (4, " And 1 more."), (5, " And 2 more.")):
        sentences = _features_sentences(LateData(unreadable=tuple("abcde"[:count])), [])
        assert sentences[-1] == f"Not used: a b c{rest}"
