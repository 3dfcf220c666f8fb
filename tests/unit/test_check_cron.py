"""The times of cron expressions, those of the template among them, against a search minute by minute."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.template import ROOT

from ndr.local.check.cron import Cron

OF_THE_TEMPLATE = sorted(set(re.findall(r"cron\([^)]+\)", (ROOT / "template.yaml").read_text())))


@pytest.mark.parametrize(
    ("expression", "now", "last", "following"),
    [
        ("cron(5/15 * * * ? *)", "2026-01-31T06:19", "2026-01-31T06:05", "2026-01-31T06:20"),
        ("cron(5/15 * * * ? *)", "2026-01-31T23:50", "2026-01-31T23:50", "2026-02-01T00:05"),
        ("cron(30 0 2-31 * ? *)", "2026-02-01T12:00", "2026-01-31T00:30", "2026-02-02T00:30"),
        ("cron(30 2 ? * MON *)", "2026-02-01T12:00", "2026-01-26T02:30", "2026-02-02T02:30"),
        ("cron(30 0 1 * ? *)", "2026-02-01T00:29", "2026-01-01T00:30", "2026-02-01T00:30"),
        ("cron(0 0 29 2 ? *)", "2027-01-01T00:00", None, None),  # 2024 and 2028 are farther than 400 days
    ],
)
def test_last_and_next_start(expression: str, now: str, last: str | None, following: str | None) -> None:
    cron = Cron.parse(expression)
    assert cron is not None

    def instant(text: str | None) -> datetime | None:
        return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None

    at = instant(now)
    assert at is not None
    assert (cron.last_before(at), cron.next_after(at)) == (instant(last), instant(following))


@given(
    expression=st.sampled_from(OF_THE_TEMPLATE),
    minute=st.integers(min_value=0, max_value=400 * 1440),
    second=st.integers(min_value=0, max_value=59),
)
def test_no_start_lies_between_the_last_and_the_next(expression: str, minute: int, second: int) -> None:
    cron = Cron.parse(expression)
    assert cron is not None
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute, seconds=second)
    last, following = cron.last_before(now), cron.next_after(now)
    assert last is not None
    assert following is not None
    assert last <= now < following
    assert cron.next_after(last) == following
    assert cron.last_before(following - timedelta(seconds=1)) == last


def test_every_schedule_of_the_template_is_understood() -> None:
    assert len(OF_THE_TEMPLATE) >= 6
    assert all(Cron.parse(expression) for expression in OF_THE_TEMPLATE)


@pytest.mark.parametrize(
    "expression", ["rate(1 hour)", "at(2026-01-01T00:00:00)", "cron(0 0 L * ? *)", "cron(70 * * * ? *)", "cron(5 * *)"]
)
def test_another_form_is_not_guessed_at(expression: str) -> None:
    assert Cron.parse(expression) is None
