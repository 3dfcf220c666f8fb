"""JobSpec of the FG-A builder: deltas in, window features out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ndr.contract.jobspecs.calendar import Calendar
from ndr.contract.jobspecs.delta_builder import Engine
from ndr.contract.jobspecs.model import SpecModel
from ndr.contract.jobspecs.uri import PrefixUri
from ndr.contract.problems import whole_sentence
from ndr.contract.time import WINDOWS

WindowLabel = Literal[*WINDOWS]  # type: ignore[valid-type]


class FgABuilderInputs(SpecModel):
    """`fg_b` is where newest pair baselines are looked up; before the first one exists the slices alone serve."""

    deltas: PrefixUri
    fg_b: PrefixUri


class FgABuilderOutputs(SpecModel):
    fg_a: PrefixUri


class Novelty(SpecModel):
    """A value is new when it was not seen in the lookback, rare when seen on 1 to `rare_max_active_days` days of it."""

    lookback_days: Annotated[int, Field(ge=1, le=30)] = 30
    rare_max_active_days: Annotated[int, Field(ge=1, le=30)] = 2


class FgABuilderSpec(SpecModel):
    """Spec of `fg_a_builder`. Which addresses have features tells the JobSpec `networks`.

    `calendar` serves FG-B too, which groups by its bands.
    """

    inputs: FgABuilderInputs
    outputs: FgABuilderOutputs
    windows: Annotated[tuple[WindowLabel, ...], Field(min_length=1)] = tuple(WINDOWS)
    calendar: Calendar = Calendar()
    novelty: Novelty = Novelty()
    engine: Engine = "auto"
    processing_image_uri: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _refuse_business_hours(cls, document: Any) -> Any:
        if isinstance(document, dict) and "business_hours" in document:
            raise whole_sentence(
                "spec.business_hours is now spec.calendar: write time_zone, weekend_days, holidays and bands there, "
                'a band as {"name": "working_hours", "days": [0, 1, 2, 3, 4], "start": "08:00", "end": "18:00"}'
            )
        return document
