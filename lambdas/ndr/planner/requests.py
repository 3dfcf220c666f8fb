"""Requests: what a person or a schedule asks of the `baselines` and `mini_batch` machines.

A request is checked here, whole, before anything is started; what it leaves out is filled where it is planned.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, model_validator

from ndr.contract.errors import InvalidRequestError
from ndr.contract.fifteen_minutes import BATCH_MINUTES
from ndr.contract.horizons import ALL_HORIZONS, HORIZON_CHOICES, labels_of
from ndr.contract.jobspecs.model import Identifier
from ndr.contract.problems import problem_sentence, whole_sentence
from ndr.contract.time import (
    DAY,
    SLICE,
    Interval,
    ceil_to,
    floor_to,
    format_instant,
    month_text,
    parse_instant,
)
from ndr.planner.arrival import Arrival
from ndr.planner.batch_bounds import bounded, bounds_problems, name_problems, named_batch, slice_problems

Mode = Literal["REGULAR", "BACKFILL", "LATE"]
HorizonChoice = Literal[HORIZON_CHOICES]  # type: ignore[valid-type]
Reprocess = Literal["none", "failed", "completed"]
BatchMinutes = Literal[BATCH_MINUTES]  # type: ignore[valid-type]

_NESTED_START = "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"


def _instant(text: Any, info: ValidationInfo) -> datetime:
    name = str(info.field_name)
    try:
        instant = parse_instant(text, name)
    except InvalidRequestError as error:
        raise whole_sentence(str(error)) from None
    if problems := bounded(name, instant):
        raise whole_sentence(problems[0])
    return instant


def _month(text: Any, info: ValidationInfo) -> str:
    if isinstance(text, str) and re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text.strip()):
        return text.strip()
    raise whole_sentence(f"{info.field_name} is {text!r:.80}, which is not a month: write it as 2026-01")


def _upper(text: Any) -> Any:
    return text.strip().upper() if isinstance(text, str) else text


def _lower(text: Any) -> Any:
    return text.strip().lower() if isinstance(text, str) else text


Instant = Annotated[datetime, BeforeValidator(_instant)]
Month = Annotated[str, BeforeValidator(_month)]
MiniBatchId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]


class Request(BaseModel):
    """What both requests share: unknown fields are refused, values never change after validation.

    Attributes
    ----------
    project_name, feature_spec_version : str
        Of the JobSpecs.
    dry_run : bool
        Plan, and start nothing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    project_name: Identifier
    feature_spec_version: Identifier
    dry_run: bool = False


class BaselinesRequest(Request):
    """What to build baselines of.

    Attributes
    ----------
    mode : {"REGULAR", "BACKFILL", "LATE"}
        One baseline; every baseline that the schedules would have built in [start, end); or none, but the features of
        slices whose events came late, from `since` on, by default a week ago.
    horizon : str
        One of HORIZON_CHOICES.
    start, end : datetime, optional
        BACKFILL: the half-open range of baseline ends. REGULAR: `end` is the baseline's end; no `start`. LATE: `start`
        is another name of `since`.
    since : datetime, optional
        LATE: from when on to look.
    inventory : bool
        Unload the machine inventory first.
    reference_month : str, optional
        `YYYY-MM`, the month whose inventory is unloaded.
    reprocess : {"none", "failed", "completed"}
        `none` builds only what was never tried, `failed` that and what did not complete, `completed` all of it.
    max_concurrency : int
        Pipeline executions at once in a backfill.
    window_days : int
        Days of baseline ends that one pipeline execution builds in a backfill. Each execution reads its horizon once,
        so larger windows cost less; smaller ones lose less when one fails.
    fill_upstream : bool
        First build the features that are missing and whose mini-batches were delivered.
    replace_with_empty : bool
        Build features, and unload the inventory, even where published rows would be replaced by none.
    scheduled_time : datetime, optional
        When a schedule was to start the execution; only schedules give it.
    """

    mode: Annotated[Mode, BeforeValidator(_upper)] = "REGULAR"
    horizon: Annotated[HorizonChoice, BeforeValidator(_lower)] = ALL_HORIZONS
    start: Instant | None = None
    end: Instant | None = None
    since: Instant | None = None
    inventory: bool = False
    reference_month: Month | None = None
    reprocess: Annotated[Reprocess, BeforeValidator(_lower)] = "failed"
    max_concurrency: Annotated[int, Field(ge=1, le=40)] = 4
    window_days: Annotated[int, Field(ge=1, le=366)] = 28
    fill_upstream: bool = False
    replace_with_empty: bool = False
    scheduled_time: Instant | None = None

    @property
    def late_from(self) -> datetime | None:
        """From when on LATE looks, where the request says so."""
        return self.since or self.start

    @property
    def horizons(self) -> tuple[str, ...]:
        """The horizons asked for, in the order of their table."""
        return labels_of(self.horizon)

    @property
    def _instants(self) -> dict[str, datetime | None]:
        return {"start": self.start, "end": self.end, "since": self.since}

    @model_validator(mode="after")
    def _fits_together(self, info: ValidationInfo) -> Self:
        now: datetime = (info.context or {})["now"]
        problems = [
            *{"BACKFILL": _backfill_problems, "REGULAR": _regular_problems, "LATE": _late_problems}[self.mode](
                self, now
            ),
            *_not_on_a_slice(self._instants, ends=("end",) if self.mode == "BACKFILL" else ()),
            *_month_problems(self, now),
        ]
        if problems:
            raise whole_sentence("; ".join(problems))
        return self


class MiniBatchRequest(Request):
    """Which batch to run through the 15-minute pipeline.

    Attributes
    ----------
    batch_start, batch_end : datetime, optional
        The half-open batch, whole slices; without them, the last complete batch before the execution's start.
    batch_minutes : {15, 30, 60}
        Length of that batch, in minutes. It starts at a multiple of its length after the hour.
    scheduled_time : datetime, optional
        When a schedule was to start the execution. The last complete batch is that of this time, so that a late start,
        or a second attempt, does not take the next one.
    settle_minutes : int
        Minutes that a batch must be over before it is taken as complete.
    replace_with_empty : bool
        Publish the batch even where published rows would be replaced by none.
    mini_batch_id : str, optional
        The folder of the batch under the integration prefix; named after the interval by default. An id that names an
        interval may stand alone for it.
    arrived : Arrival, optional
        A file that arrived, whose batch is built as soon as no more of it comes; only the rule of S3's events gives it.
    """

    batch_start: Instant | None = None
    batch_end: Instant | None = None
    mini_batch_id: MiniBatchId | None = None
    batch_minutes: BatchMinutes = BATCH_MINUTES[0]
    scheduled_time: Instant | None = None
    settle_minutes: Annotated[int, Field(ge=0, le=1440)] = 0
    replace_with_empty: bool = False
    arrived: Arrival | None = None

    @property
    def is_automatic(self) -> bool:
        """Whether a schedule or an arrival asks, and not a person: then what is built already is not built again."""
        return self.scheduled_time is not None or self.arrived is not None

    @model_validator(mode="after")
    def _fits_together(self, info: ValidationInfo) -> Self:
        now: datetime = (info.context or {})["now"]
        instants = {"batch_start": self.batch_start, "batch_end": self.batch_end}
        problems = _not_on_a_slice(instants, ends=("batch_end",))
        if (self.batch_start is None) != (self.batch_end is None):
            absent = "batch_start" if self.batch_start is None else "batch_end"
            problems.append(f"{absent} is missing; give both batch_start and batch_end, or neither for the last batch")
        elif self.batch_start and self.batch_end:
            problems += _order_problems(self.batch_start, self.batch_end, ("batch_start", "batch_end"))
            if ceil_to(self.batch_end, SLICE) > now:
                problems.append(
                    f"batch_end is {format_instant(self.batch_end)}, which is in the future, or in a slice that is not "
                    f"over; the last complete slice ends at {format_instant(floor_to(now, SLICE))}"
                )
        if self.arrived and (self._given or self.mini_batch_id or self.scheduled_time):
            problems.append("arrived is a file, and its batch follows from it; leave out the other times and the id")
        if not problems:
            problems = self._batch_problems(now)
        if problems:
            raise whole_sentence("; ".join(problems))
        return self

    def _batch_problems(self, now: datetime) -> list[str]:
        if problems := name_problems(self.mini_batch_id, self._given):
            return problems
        batch = self.batch(now)
        future = [] if batch.end <= now else [f"the batch {batch} is not over; write one that ended before now"]
        return [*bounds_problems(batch), *slice_problems(self.mini_batch_id, batch), *future]

    @property
    def _given(self) -> Interval | None:
        return Interval(self.batch_start, self.batch_end) if self.batch_start and self.batch_end else None

    def batch(self, now: datetime) -> Interval:
        """Return the interval asked for, or the last batch that was over and settled as scheduled, else at `now`."""
        if asked := self._given or named_batch(self.mini_batch_id):
            return asked
        length = timedelta(minutes=self.batch_minutes)
        end = floor_to((self.scheduled_time or now) - timedelta(minutes=self.settle_minutes), length)
        return Interval(end - length, end)


RequestModel = TypeVar("RequestModel", bound=Request)


def parse_request(
    model: type[RequestModel], document: Any, now: datetime, defaults: Mapping[str, Any] | None = None
) -> RequestModel:
    """Check a request.

    Parameters
    ----------
    model : type
        `BaselinesRequest` or `MiniBatchRequest`.
    document : mapping or None
        What was typed. A null field counts as left out.
    now : datetime
        When the execution started; ends after it are refused.
    defaults : mapping, optional
        Values for fields that the document leaves out.

    Raises
    ------
    InvalidRequestError
        One sentence for each problem.
    """
    if not isinstance(document, Mapping | None):
        raise InvalidRequestError(
            f"The request is {document!r:.80}, which is not a JSON object: "
            'write {} for the defaults, or fields such as {"dry_run": true}.'
        )
    given = {key: value for key, value in (document or {}).items() if value is not None and key != _NESTED_START}
    try:
        return model.model_validate({**(defaults or {}), **given}, context={"now": now})
    except ValidationError as error:
        allowed = list(model.model_fields)
        sentences = [problem_sentence(problem, problem["loc"], allowed) for problem in error.errors()]
        raise InvalidRequestError("The request can't be run: " + "; ".join(sentences) + ".") from None


def _backfill_problems(request: BaselinesRequest, now: datetime) -> list[str]:
    if request.start is None or request.end is None:
        absent = [name for name in ("start", "end") if getattr(request, name) is None]
        return [
            f"{' and '.join(absent)} {'is' if len(absent) == 1 else 'are'} missing; a BACKFILL builds the baselines "
            'that end in [start, end), e.g. {"mode": "BACKFILL", "start": "2026-01-01", "end": "2026-04-01"}'
        ]
    problems = [*_since_problems(request), *_order_problems(request.start, request.end, ("start", "end"))]
    latest = floor_to(now, DAY) + DAY
    if request.end > latest:
        problems.append(
            f"end is {format_instant(request.end)}, which is in the future; the range is half-open, and the last "
            f"baseline that can be built ends at {format_instant(latest - DAY)}: write end {format_instant(latest)}"
        )
    return problems


def _regular_problems(request: BaselinesRequest, now: datetime) -> list[str]:
    problems = _since_problems(request)
    if request.start is not None:
        problems.append(
            "start is for a BACKFILL; a REGULAR run builds one baseline, over the horizon before end: "
            'leave start out, or write "mode": "BACKFILL"'
        )
    if request.end is not None and request.end > now:
        problems.append(
            f"end is {format_instant(request.end)}, which is in the future; a baseline can end at "
            f"{format_instant(floor_to(now, SLICE))} at the latest"
        )
    return problems


def _since_problems(request: BaselinesRequest) -> list[str]:
    if request.since is None:
        return []
    return [
        'since is for LATE, which builds features again; write "mode": "LATE" with it. Baselines of a range are '
        "built by "
        'a BACKFILL: write "mode": "BACKFILL" with start and end'
    ]


def _late_problems(request: BaselinesRequest, now: datetime) -> list[str]:
    if request.end is not None:
        return ["end is not for LATE, which looks up to now; write since alone, or nothing for the last week"]
    if request.since is not None and request.start is not None:
        return ["since and start are both given, and mean the same of LATE; leave start out"]
    name, instant = ("since", request.since) if request.since else ("start", request.start)
    if instant is not None and instant >= now:
        return [f"{name} is {format_instant(instant)}, which is in the future; write when events may have been late"]
    return []


def _month_problems(request: BaselinesRequest, now: datetime) -> list[str]:
    if request.reference_month is None:
        return []
    if not request.inventory:
        return ['reference_month is the month of the inventory unload; add "inventory": true, or leave it out']
    if request.reference_month > month_text(now):
        return [
            f"reference_month is {request.reference_month}, which is in the future; the latest is {month_text(now)}"
        ]
    return []


def _order_problems(start: datetime, end: datetime, names: tuple[str, str]) -> list[str]:
    if start < end:
        return []
    return [
        f"{names[0]} is {format_instant(start)} and {names[1]} is {format_instant(end)}; "
        f"{names[0]} must be before {names[1]}"
    ]


def _not_on_a_slice(instants: Mapping[str, datetime | None], ends: Collection[str]) -> list[str]:
    """Return a problem for each instant inside a slice. Those of `ends` close a range, which is to keep what it has."""
    return [
        f"{name} is {format_instant(instant)}, which is inside a 15-minute slice; "
        f"write {format_instant(ceil_to(instant, SLICE) if name in ends else floor_to(instant, SLICE))}"
        for name, instant in instants.items()
        if instant is not None and floor_to(instant, SLICE) != instant
    ]
