"""JobSpec of the FG-A builder: deltas in, window features out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ndr.contract.jobspecs.delta_builder import Engine
from ndr.contract.jobspecs.model import SpecModel
from ndr.contract.jobspecs.time_zone import TimeZone
from ndr.contract.jobspecs.uri import PrefixUri
from ndr.contract.time import WINDOWS

WindowLabel = Literal[*WINDOWS]  # type: ignore[valid-type]
Weekday = Annotated[int, Field(ge=0, le=6)]


class FgABuilderInputs(SpecModel):
    """`fg_b` is where newest pair baselines are looked up; before the first one exists the slices alone serve."""

    deltas: PrefixUri
    fg_b: PrefixUri


class FgABuilderOutputs(SpecModel):
    fg_a: PrefixUri


class BusinessHours(SpecModel):
    """Working hours: [start_hour, end_hour) local time on working_days; 0 is Monday."""

    time_zone: TimeZone = "UTC"
    start_hour: Annotated[int, Field(ge=0, le=23)] = 8
    end_hour: Annotated[int, Field(ge=1, le=24)] = 18
    working_days: tuple[Weekday, ...] = (0, 1, 2, 3, 4)
    weekend_days: tuple[Weekday, ...] = (5, 6)

    @model_validator(mode="after")
    def _ordered(self) -> BusinessHours:
        if self.start_hour >= self.end_hour:
            raise ValueError(f"start_hour {self.start_hour} is not before end_hour {self.end_hour}")
        return self


class Novelty(SpecModel):
    """A value is new when it was not seen in the lookback, rare when seen on 1 to `rare_max_active_days` days of it."""

    lookback_days: Annotated[int, Field(ge=1, le=30)] = 30
    rare_max_active_days: Annotated[int, Field(ge=1, le=30)] = 2


class FgABuilderSpec(SpecModel):
    """Spec of `fg_a_builder`. Which addresses have features tells the JobSpec `networks`."""

    inputs: FgABuilderInputs
    outputs: FgABuilderOutputs
    windows: Annotated[tuple[WindowLabel, ...], Field(min_length=1)] = tuple(WINDOWS)
    business_hours: BusinessHours = BusinessHours()
    novelty: Novelty = Novelty()
    engine: Engine = "auto"
    processing_image_uri: Annotated[str, Field(min_length=1)] | None = None
