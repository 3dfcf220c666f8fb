from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ndr.contract.errors import InvalidRequestError
from ndr.contract.time import SLICE
from ndr.planner.requests import BaselinesRequest, parse_request

NOW = datetime(2026, 3, 10, 13, 37, tzinfo=UTC)
DEFAULTS = {"project_name": "ndr-prod", "feature_spec_version": "v1"}


def parse(document: Any, now: datetime = NOW) -> BaselinesRequest:
    return parse_request(BaselinesRequest, document, now, DEFAULTS)


def refusal(document: Any, now: datetime = NOW) -> str:
    with pytest.raises(InvalidRequestError) as refused:
        parse(document, now)
    return str(refused.value)


@pytest.mark.parametrize("document", [{}, None, {"end": None}, {"AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": "arn"}])
def test_an_empty_request_is_a_regular_run_of_both_horizons(document: Any) -> None:
    request = parse(document)
    assert request.model_dump() == {
        "project_name": "ndr-prod",
        "feature_spec_version": "v1",
        "dry_run": False,
        "mode": "REGULAR",
        "horizon": "both",
        "start": None,
        "end": None,
        "since": None,
        "inventory": False,
        "reference_month": None,
        "reprocess": "failed",
        "fill_upstream": False,
        "replace_with_empty": False,
        "scheduled_time": None,
        "max_concurrency": 4,
        "window_days": 28,
    }
    assert request.horizons == ("7d", "30d")


def test_two_dates_suffice_for_a_backfill_and_case_is_forgiven() -> None:
    request = parse({"mode": "Backfill ", "start": "2026-01-01", "end": "2026-03-01T02:00:00+02:00", "horizon": "7D"})
    assert request.mode == "BACKFILL"
    assert request.horizons == ("7d",)
    assert request.start == datetime(2026, 1, 1, tzinfo=UTC)
    assert request.end == datetime(2026, 3, 1, tzinfo=UTC)


def test_a_range_and_numbers_are_taken_up_to_their_bounds() -> None:
    widest = {"max_concurrency": 40, "window_days": 366}
    assert parse(widest).model_dump().items() >= widest.items()
    narrowest = {"max_concurrency": 1, "window_days": 1}
    assert parse(narrowest).model_dump().items() >= narrowest.items()
    for name, value in (("max_concurrency", 0), ("max_concurrency", 41), ("window_days", 0), ("window_days", 367)):
        assert name in refusal({name: value})
    with pytest.raises(ValidationError, match="frozen"):
        parse({}).window_days = 5  # type: ignore[misc]


def test_the_present_is_the_last_end_and_not_the_first_start() -> None:
    on_slice = NOW.replace(minute=0, second=0, microsecond=0)
    assert parse({"end": on_slice.isoformat()}, on_slice).end == on_slice
    assert "in the future" in refusal({"end": (on_slice + SLICE).isoformat()}, on_slice)
    late = {"mode": "LATE", "start": (on_slice - SLICE).isoformat()}
    assert parse(late, on_slice).start == on_slice - SLICE
    assert "in the future" in refusal({"mode": "LATE", "start": on_slice.isoformat()}, on_slice)
    month = {"inventory": True, "reference_month": f"{NOW:%Y-%m}"}
    assert parse(month).reference_month == f"{NOW:%Y-%m}"
    same = {"mode": "BACKFILL", "start": "2026-01-05", "end": "2026-01-05"}
    assert "start must be before end" in refusal(same)
    order = "start is 2026-01-05T00:00:00Z and end is 2026-01-04T00:00:00Z; start must be before end"
    assert order in refusal({**same, "end": "2026-01-04"})


def test_given_fields_win_over_defaults() -> None:
    request = parse({"project_name": "other", "feature_spec_version": "v2", "reprocess": "NONE"})
    assert (request.project_name, request.feature_spec_version, request.reprocess) == ("other", "v2", "none")


BACKFILL = {"mode": "BACKFILL", "start": "2026-01-01", "end": "2026-02-01"}


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"horizn": "7d"}, "horizn: no such field, did you mean 'horizon'? Allowed are project_name, "),
        ({"mode": "BACKFIL"}, "mode: Input should be 'REGULAR', 'BACKFILL' or 'LATE' (found 'BACKFIL')."),
        ({"mode": 3}, "mode: Input should be 'REGULAR', 'BACKFILL' or 'LATE' (found 3)."),
        ({"horizon": "14d"}, "horizon: Input should be '7d', '30d' or 'both' (found '14d')."),
        ({"reprocess": "all"}, "reprocess: Input should be 'none', 'failed' or 'completed' (found 'all')."),
        ({"inventory": "perhaps"}, "inventory: Input should be a valid boolean"),
        ({"dry_run": 7}, "dry_run: Input should be a valid boolean"),
        ({"project_name": "a#b"}, "project_name: String should match pattern"),
        ({"feature_spec_version": ""}, "feature_spec_version: String should match pattern"),
        ({"max_concurrency": 0}, "max_concurrency: Input should be greater than or equal to 1 (found 0)."),
        ({"max_concurrency": 41}, "max_concurrency: Input should be less than or equal to 40 (found 41)."),
        ({"window_days": 367}, "window_days: Input should be less than or equal to 366 (found 367)."),
        ({"window_days": 1.5}, "window_days: Input should be a valid integer"),
        ({"end": "yesterday"}, "end is 'yesterday', which is not an ISO 8601 time: write UTC as "),
        ({"end": "2026-01-01T00:00:00"}, "end is '2026-01-01T00:00:00', which names no time zone: write UTC as "),
        ({"end": 20260101}, "end is 20260101, which is not text: write the date in quotes, "),
        ({"end": "2026-03-10T13:30:01Z"}, "which is inside a 15-minute slice; write 2026-03-10T13:30:00Z."),
        ({"end": "2026-03-10T13:45:00Z"}, "which is in the future; a baseline can end at 2026-03-10T13:30:00Z at the"),
        (
            {"start": "2026-01-01"},
            "start is for a BACKFILL; a REGULAR run builds one baseline, over the horizon before",
        ),
        ({"mode": "BACKFILL"}, "start and end are missing; a BACKFILL builds the baselines that end in [start, end)"),
        ({"mode": "BACKFILL", "start": "2026-01-01"}, "end is missing; a BACKFILL builds"),
        ({"mode": "BACKFILL", "end": "2026-01-01"}, "start is missing; a BACKFILL builds"),
        ({**BACKFILL, "end": "2026-01-01"}, "start must be before end."),
        (
            {**BACKFILL, "end": "2026-03-12"},
            "baseline that can be built ends at 2026-03-10T00:00:00Z: write end 2026-03-11",
        ),
        ({**BACKFILL, "start": "2026-01-01T00:07:00Z"}, "start is 2026-01-01T00:07:00Z, which is inside a 15-minute"),
        ({"reference_month": "2026-02"}, 'reference_month is the month of the inventory unload; add "inventory": true'),
        ({"inventory": True, "reference_month": "2026-04"}, "which is in the future; the latest is 2026-03."),
        ("BACKFILL", "The request is 'BACKFILL', which is not a JSON object: write {} for the defaults"),
        ([], "The request is [], which is not a JSON object"),
    ],
)
def test_a_refusal_says_what_was_found_and_what_to_write(document: Any, sentence: str) -> None:
    message = refusal(document)
    assert sentence in message
    assert message.endswith((".", "true}."))


def test_every_problem_is_told_at_once() -> None:
    message = refusal({"mod": "REGULAR", "horizon": "1d", "end": "soon"})
    assert message.startswith("The request can't be run: ")
    for part in ("did you mean 'mode'?", "(found '1d')", "end is 'soon'"):
        assert part in message


def test_a_backfill_may_end_with_the_baseline_of_last_midnight() -> None:
    assert parse({**BACKFILL, "end": "2026-03-11"}).end == datetime(2026, 3, 11, tzinfo=UTC)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(sorted(BaselinesRequest.model_fields))
PLAUSIBLE = st.sampled_from(
    ["BACKFILL", "regular", "both", "7d", "2026-01-01", "2026-03-01T00:15:00Z", "2026-01", "none", True, 1, 28]
)


@given(st.dictionaries(FIELDS | st.text(max_size=12), PLAUSIBLE | JSON, max_size=6) | JSON)
def test_any_json_is_a_request_or_is_refused_by_name(document: Any) -> None:
    try:
        request = parse(document)
    except InvalidRequestError:
        return
    assert request.end is None or request.end <= NOW + timedelta(days=1)
    if request.mode == "BACKFILL":
        assert request.start is not None
        assert request.end is not None
        assert request.start < request.end
