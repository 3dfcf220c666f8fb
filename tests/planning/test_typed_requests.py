"""Requests as people type them, at the console and on the shell: the same outcome, or the same sentence."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.planning.account import Account, account, project_prefixes
from tests.planning.history import History
from tests.template import ROOT

from ndr.contract.errors import NdrError
from ndr.contract.horizons import HORIZON_CHOICES
from ndr.contract.ledger import ledger_item, ledger_key
from ndr.contract.time import DAY, Interval, format_instant, parse_instant
from ndr.local.cli import main
from ndr.planner.requests import BaselinesRequest, MiniBatchRequest

PLAN_RUN: Final = ROOT / "lambdas" / "plan_run"
END: Final = parse_instant("2026-03-10")
NOW: Final = "2026-03-10T13:37:00Z"
ENVIRONMENT: Final = {
    "NDR_JOBSPEC_TABLE": "jobspecs", "NDR_LEDGER_TABLE": "ledger", "DEFAULT_PROJECT_NAME": "ndr-prod",
    "DEFAULT_FEATURE_SPEC_VERSION": "v1", "BATCH_SETTLE_MINUTES": "0", "AWS_DEFAULT_REGION": "us-east-1",
    "POWERTOOLS_TRACE_DISABLED": "true", "POWERTOOLS_METRICS_DISABLED": "true", "POWERTOOLS_LOG_LEVEL": "CRITICAL",
    "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing",
}  # fmt: skip


@dataclass
class Context:
    """What Lambda tells a function of itself."""

    function_name: str = "plan_run"
    function_version: str = "1"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:plan_run"
    aws_request_id: str = "1"


@pytest.fixture(scope="module")
def held() -> Iterator[Account]:
    """Six weeks of features, compacted, with nothing late; the 7d baseline of the second last night is built."""
    with account(History(Interval(END - 42 * DAY, END), END, END - 42 * DAY, project_prefixes())) as held:
        key = ledger_key("ndr-prod", "v1", "fg_b", "7d", END - DAY)
        held.services.ledger.put_item(Item=ledger_item(key, "completed", claimed_at=format_instant(END)))
        yield held


@pytest.fixture(scope="module")
def plan_run(held: Account, module_environment: None) -> Callable[[str, Any], dict[str, Any]]:
    """The function as Lambda calls it, on the account."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.syspath_prepend(str(PLAN_RUN))
        app = _module("plan_run_app", PLAN_RUN / "app.py")
    vars(app)["services"] = replace(held.services, logger=app.logger)

    def asked(machine: str, request: Any) -> dict[str, Any]:
        event = {"kind": machine, "request": request, "started_at": NOW}
        return dict(app.handler(json.loads(json.dumps(event)), Context()))

    return asked


def _module(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for imported in ("events", "reporting"):  # names that other functions have too
        sys.modules.pop(imported, None)
    return module


@pytest.fixture
def ndr(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., str]:
    """Run the command line in a folder without an account; returns what it says on standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NDR_HOME", raising=False)

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["ndr", *arguments])
        with pytest.raises(SystemExit):
            main()
        return " ".join(capsys.readouterr().err.split())

    return run


BATCH: Final = "mini_batch"
BASELINES: Final = "baselines"
LATE: Final = {"mode": "LATE"}
RUN_LATE: Final = ("run", "late", "--since")
RUN_BATCH: Final = ("run", "mini-batch")

PLANNED: Final[list[tuple[str, Any, tuple[str, ...], str]]] = [
    (BATCH, {}, RUN_BATCH, "Mini batch 20260310T131500Z-PT15M of ndr-prod: [2026-03-10T13:15:00Z, "),
    (
        BATCH, {"mini_batch_id": "20260301T060000Z-PT15M"}, (*RUN_BATCH, "--mini-batch-id", "20260301T060000Z-PT15M"),
        "[2026-03-01T06:00:00Z, 2026-03-01T06:15:00Z).",
    ),
    (
        BATCH, {"batch_start": "20260301", "batch_end": "20260302"},
        (*RUN_BATCH, "--start", "20260301", "--end", "20260302"), "[2026-03-01T00:00:00Z, 2026-03-02T00:00:00Z).",
    ),
    (BASELINES, {}, ("run", "monthly"), "2 baselines of ndr-prod v1 to build in 1 pipeline execution."),
    (
        BASELINES, {"mode": "BACKFILL", "start": "2020-01-01", "end": "2026-03-10"},
        ("backfill", "2020-01-01", "2026-03-10"), " have too little history and are not run: 7d ending 2020-01-01",
    ),
    (
        BASELINES, {"mode": "BACKFILL", "start": "2026-03-09", "end": "2026-03-10", "horizon": "7d"},
        ("backfill", "2026-03-09", "2026-03-10", "--horizon", "7d"),
        "No baseline of ndr-prod v1 is left to build. "
        '1 is completed and skipped; write "reprocess": "completed" to build it.',
    ),
    (
        BASELINES, {"horizon": "7d", "end": "2026-03-08"}, ("run", "nightly", "--end", "2026-03-08"),
        "1 baseline of ndr-prod v1 to build in 1 pipeline execution.",
    ),
    (
        BASELINES, {"mode": "BACKFILL", "start": "2026-03-09T00:15:00Z", "end": "2026-03-09T00:30:00Z"},
        ("backfill", "2026-03-09T00:15:00Z", "2026-03-09T00:30:00Z"),
        'they end at midnight UTC, next at 2026-03-10T00:00:00Z; write "end": "2026-03-11", or later',
    ),
    (BASELINES, {**LATE, "since": "2020-01-01"}, (*RUN_LATE, "2020-01-01"), "Nothing is late: what is published"),
    (BASELINES, {**LATE, "since": "2026-03-01"}, (*RUN_LATE, "2026-03-01"), "Nothing is late: what is published"),
    (BASELINES, {**LATE, "start": "20260301"}, ("run", "late", "--start", "20260301"), "Nothing is late: what is"),
]  # fmt: skip
"""Requests that are planned: the machine, its input, the same on the shell, and a part of the plan's message."""

REFUSED: Final[list[tuple[str, Any, tuple[str, ...], str]]] = [
    (
        BATCH, {"mini_batch_id": "day-1"}, (*RUN_BATCH, "--mini-batch-id", "day-1"),
        "mini_batch_id is 'day-1', which does not name an interval; add batch_start and batch_end, or write an id such",
    ),
    (
        BATCH, {"mini_batch_id": "20260301T000500Z-PT15M"}, (*RUN_BATCH, "--mini-batch-id", "20260301T000500Z-PT15M"),
        "[2026-03-01T00:05:00Z, 2026-03-01T00:20:00Z), which is not made of whole 15-minute slices; "
        "write 20260301T000000Z-PT30M",
    ),
    (
        BATCH, {"batch_start": "2026-03-01T00:05:00Z", "batch_end": "2026-03-01T00:20:00Z"},
        (*RUN_BATCH, "--start", "2026-03-01T00:05:00Z", "--end", "2026-03-01T00:20:00Z"),
        "batch_start is 2026-03-01T00:05:00Z, which is inside a 15-minute slice; write 2026-03-01T00:00:00Z; "
        "batch_end is 2026-03-01T00:20:00Z, which is inside a 15-minute slice; write 2026-03-01T00:30:00Z.",
    ),
    (
        BATCH, {"batch_start": "00:05", "batch_end": "00:20"}, (*RUN_BATCH, "--start", "00:05", "--end", "00:20"),
        "batch_start is '00:05', which is not an ISO 8601 time: add the date, and write UTC as 2026-01-31T06:15:00Z",
    ),
    (
        BATCH, {"batch_start": "2026-03-01", "batch_end": "2020"},
        (*RUN_BATCH, "--batch-start", "2026-03-01", "--batch-end", "2020"),
        "batch_end is '2020', which is not an ISO 8601 time: write its first day, \"2020-01-01\"",
    ),
    (
        BATCH, {"batch_start": "0001-01-01", "batch_end": "0001-01-02"},
        (*RUN_BATCH, "--start", "0001-01-01", "--end", "0001-01-02"),
        "batch_start is 0001-01-01T00:00:00Z, which is before 2000-01-01T00:00:00Z; write the time of the events",
    ),
    (
        BASELINES, {**LATE, "since": "2020"}, (*RUN_LATE, "2020"),
        "since is '2020', which is not an ISO 8601 time: write its first day, \"2020-01-01\"",
    ),
    (
        BASELINES, {**LATE, "since": "0001-01-01"}, (*RUN_LATE, "0001-01-01"),
        "since is 0001-01-01T00:00:00Z, which is before 2000-01-01T00:00:00Z; write the time of the events",
    ),
    (
        BASELINES, {**LATE, "since": "9999-12-31"}, (*RUN_LATE, "9999-12-31"),
        "since is 9999-12-31T00:00:00Z, which is in the future",
    ),
    (BASELINES, {**LATE, "since": "now"}, (*RUN_LATE, "now"), "since is 'now', which is not an ISO 8601 time: write"),
    (
        BASELINES, {"mode": "BACKFILL", "start": "0001-01-01", "end": "2026-01-01"},
        ("backfill", "0001-01-01", "2026-01-01"), "start is 0001-01-01T00:00:00Z, which is before 2000-01-01",
    ),
    (
        BASELINES, {"mode": "BACKFILL", "start": "2026", "end": "2026-01"}, ("backfill", "2026", "2026-01"),
        "start is '2026', which is not an ISO 8601 time: write its first day, \"2026-01-01\"; end is '2026-01', ",
    ),
    (
        BASELINES, {"mode": "BACKFILL", "start": "2026-01-02", "end": "2026-01-01"},
        ("backfill", "2026-01-02", "2026-01-01"), "start must be before end",
    ),
    (
        BASELINES, {"mode": "BACKFILL", "start": "2026-01-01", "end": "2026-02-01", "horizon": "14d"},
        ("backfill", "2026-01-01", "2026-02-01", "--horizon", "14d"),
        f"horizon: Input should be {', '.join(map(repr, HORIZON_CHOICES[:-1]))} or {HORIZON_CHOICES[-1]!r}",
    ),
    (BASELINES, {"end": "0001-01-01"}, ("run", "nightly", "--end", "0001-01-01"), "which is before 2000-01-01"),
    (BASELINES, {"end": ""}, ("run", "weekly", "--end", ""), "end is '', which is not an ISO 8601 time"),
]  # fmt: skip
"""Requests that are refused, as above, with a part of the sentence."""

CONSOLE: Final[list[tuple[str, Any, str]]] = [
    (BASELINES, {**LATE, "since": 2020}, 'since is 2020, which is not text: write its first day, "2020-01-01"'),
    (BASELINES, {"end": 20260101}, 'end is 20260101, which is not text: write the date in quotes, "2026-01-01"'),
    (BASELINES, {"since": "2026-01-01"}, 'since is for LATE, which builds features again; write "mode": "LATE"'),
    (BASELINES, {**LATE, "since": "2026-01-01", "start": "2026-01-01"}, "since and start are both given"),
    (BATCH, {"scheduled_time": "0001-01-01"}, "scheduled_time is 0001-01-01T00:00:00Z, which is before"),
    (BATCH, {"mini_batch_id": "00010101T000000Z-PT15M"}, "the start of the batch is 0001-01-01T00:00:00Z, which is"),
    (
        BATCH,
        {"batch_start": "2026-03-10T13:31:00Z", "batch_end": "2026-03-10T13:36:00Z"},
        "in a slice that is not over",
    ),
    (BATCH, [{}], "The request is [{}], which is not a JSON object"),
    (BATCH, {"project_name": "another"}, "holds no JobSpec of project 'another', version 'v1'"),
]
"""What can be written at the console alone."""


@pytest.mark.parametrize(("machine", "request_", "arguments", "message"), PLANNED)
def test_a_request_is_planned_at_the_console_and_goes_on_from_the_shell(
    plan_run: Any, ndr: Any, machine: str, request_: Any, arguments: tuple[str, ...], message: str
) -> None:
    plan = plan_run(machine, {**request_, "dry_run": True})
    assert message in plan.get("message", plan)
    assert ndr(*arguments).startswith("AccountError: No account was started in")


@pytest.mark.parametrize(("machine", "request_", "arguments", "sentence"), REFUSED)
def test_a_request_is_refused_with_the_same_sentence(
    plan_run: Any, ndr: Any, machine: str, request_: Any, arguments: tuple[str, ...], sentence: str
) -> None:
    refused = plan_run(machine, request_)["refused"]
    assert sentence in refused["message"]
    on_the_shell = ndr(*arguments)
    assert sentence in on_the_shell
    assert on_the_shell == f"{refused['error']}: {refused['message']}"


@pytest.mark.parametrize(("machine", "request_", "sentence"), CONSOLE)
def test_a_request_of_the_console_is_refused(plan_run: Any, machine: str, request_: Any, sentence: str) -> None:
    assert sentence in plan_run(machine, request_)["refused"]["message"]


TYPED: Final = st.sampled_from([
    "BACKFILL", "late", "REGULAR", "both", "7d", "", "0001-01-01", "2020", "20260101", "2026-03-01", "2026-01", "none",
    "9999-12-31T23:59:59Z", "2026-03-10T13:30:00Z", "20260301T000000Z-PT15M", "00010101T000000Z-PT15M", "ndr-prod",
    "99991231T234500Z-PT15M", "2026-03-09T00:15Z", True, False, 0, 1, 2020, 20260101, 1e308, -1, None,
])  # fmt: skip
JSON: Final = st.recursive(
    TYPED | st.text(max_size=12) | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=6), inner, max_size=2),
    max_leaves=4,
)


@pytest.mark.parametrize(("machine", "model"), [(BASELINES, BaselinesRequest), (BATCH, MiniBatchRequest)])
@given(data=st.data())
def test_any_json_gives_a_plan_or_is_refused_by_name(plan_run: Any, machine: str, model: Any, data: Any) -> None:
    fields = st.sampled_from(sorted(model.model_fields)) | st.text(max_size=8)
    request = data.draw(st.dictionaries(fields, TYPED | JSON, max_size=5) | JSON)
    plan = plan_run(machine, request)
    if "refused" in plan:
        assert plan["refused"]["error"] in {error.__name__ for error in NdrError.__subclasses__()}
        assert len(plan["refused"]["message"]) < 4000
    else:
        assert plan["message"]


@given(st.integers(0, 2000), st.integers(1, 2000))
def test_the_whole_slices_that_a_refusal_names_are_accepted(plan_run: Any, start: int, minutes: int) -> None:
    first = END - 3 * DAY + start * DAY / 1440
    asked = {"batch_start": format_instant(first), "batch_end": format_instant(first + minutes * DAY / 1440)}
    plan = plan_run(BATCH, {**asked, "dry_run": True})
    if "refused" in plan:
        told = re.findall(r"(batch_\w+) is [^;]+; write ([^;.]+)", plan["refused"]["message"])
        plan = plan_run(BATCH, {**asked, **dict(told), "dry_run": True})
        assert "refused" not in plan
    batch = Interval.parse(plan["parameters"]["BatchStartTsIso"], plan["parameters"]["BatchEndTsIso"])
    assert batch.start <= first < first + minutes * DAY / 1440 <= batch.end
