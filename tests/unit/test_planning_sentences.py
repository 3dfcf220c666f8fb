"""How many executions, holders and ranges the sentences of a plan name before they only count."""

from __future__ import annotations

import pytest

from ndr.planner.plan import Stretch
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
