"""The paths at which two definitions differ, and ages in words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ndr.local.check.ages import age_text
from ndr.local.check.differences import differences


@pytest.mark.parametrize(
    ("before", "after", "paths"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1, "b": {"c": 2}}, {"a": 1, "b": {"c": 3}}, ["b.c"]),
        ({"Steps": [{"Name": "x", "v": 1}]}, {"Steps": [{"Name": "y", "v": 1}]}, ["Steps.x", "Steps.y"]),
        (
            {"Steps": [{"Name": "x", "v": 1}, {"Name": "y", "v": 1}]},
            {"Steps": [{"Name": "y", "v": 2}, {"Name": "x", "v": 1}]},
            ["Steps.y.v"],
        ),
        ({"a": [1, 2]}, {"a": [1, 3, 4]}, ["a.1", "a.2"]),
        ({"a": {}}, {"a": "text"}, ["a"]),
        ({}, {"a": {"b": 1}}, ["a"]),
    ],
)
def test_paths_of_what_differs(before: Any, after: Any, paths: list[str]) -> None:
    assert differences(before, after) == paths
    assert sorted(differences(after, before)) == sorted(paths)


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(seconds=59), "less than a minute"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(hours=2, minutes=10), "2 hours 10 minutes"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(days=3, hours=4, minutes=5), "3 days 4 hours"),
        (timedelta(days=1), "1 day"),
        (timedelta(minutes=-5), "less than a minute"),
    ],
)
def test_age_in_words(age: timedelta, text: str) -> None:
    assert age_text(age) == text
