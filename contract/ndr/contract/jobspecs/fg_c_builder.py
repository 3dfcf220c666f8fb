"""JobSpec of the FG-C builder: FG-A, pair counts and baselines in, scores of hosts and pairs out."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from ndr.contract.datasets import SCORED_METRICS, SCORED_WINDOWS
from ndr.contract.jobspecs.delta_builder import Engine
from ndr.contract.jobspecs.fg_a_builder import WindowLabel
from ndr.contract.jobspecs.fg_b_builder import Metric, Share
from ndr.contract.jobspecs.model import SpecModel
from ndr.contract.jobspecs.uri import PrefixUri

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class FgCBuilderInputs(SpecModel):
    fg_a: PrefixUri
    pair_counts: PrefixUri
    fg_b: PrefixUri


class FgCBuilderOutputs(SpecModel):
    """`findings` is where the findings go as JSON lines; without it no files of them are written."""

    fg_c: PrefixUri
    findings: PrefixUri | None = None


class MinimumScale(SpecModel):
    """The least that z divides by: `relative` of the median, and so much in the metric's own unit.

    A host that always has exactly one session would otherwise make the second one infinitely unusual. `counts` is for
    sessions, peers and ports, `bytes` for sums of bytes, `seconds` for durations, `shares` for ratios and shares.
    """

    relative: NotNegative = 0.1
    counts: Positive = 1.0
    bytes: Positive = 10_000.0
    seconds: Positive = 1.0
    shares: Positive = 0.05


class Calibration(SpecModel):
    """The `days` whose scores a score is ranked among; below `min_scores` of them there is no p value.

    They end `gap_days` whole UTC days before the day that is scored, so that an intrusion of these days does not
    calibrate itself away.
    """

    days: Annotated[int, Field(ge=1, le=60)] = 14
    gap_days: Annotated[int, Field(ge=1, le=30)] = 1
    min_scores: Annotated[int, Field(ge=1)] = 1000


class Weights(SpecModel):
    """How much a value that is judged by each baseline contributes."""

    host: NotNegative = 1.0
    segment: NotNegative = 0.7
    network: NotNegative = 0.5


class Discount(SpecModel):
    """How contributions are discounted where many hosts are unusual in the same metric and window.

    A share of up to `usual_share` of the judged hosts discounts nothing, and neither do fewer than `min_hosts` of them.
    """

    min_hosts: Annotated[int, Field(ge=2)] = 20
    usual_share: Annotated[float, Field(gt=0, lt=1)] = 0.05


class FindingThresholds(SpecModel):
    """From where on a score is a finding.

    A host is one where its p value is at most `max_p_value`. Where the calibration has too few scores for so small a p
    value, it is one where its score is at least `min_score`. A pair is one where its score is at least
    `min_pair_score`.
    """

    max_p_value: Annotated[float, Field(gt=0, le=1)] = 0.0001
    min_score: Positive = 10.0
    min_pair_score: Annotated[float, Field(gt=0, le=1)] = 0.5


class FgCBuilderSpec(SpecModel):
    """Spec of `fg_c_builder`.

    `metrics` and `windows` of FG-A are scored. A host whose `active_ratio` is at least `expected_active_ratio` is
    expected to be active: a window without a session of it is a finding. A value is expected to the degree that the
    host's profile says; `reasons` is how many contributions a score adds.
    """

    inputs: FgCBuilderInputs
    outputs: FgCBuilderOutputs
    metrics: Annotated[tuple[Metric, ...], Field(min_length=1)] = SCORED_METRICS
    windows: Annotated[tuple[WindowLabel, ...], Field(min_length=1)] = SCORED_WINDOWS
    expected_active_ratio: Share = 0.9
    minimum_scale: MinimumScale = MinimumScale()
    weights: Weights = Weights()
    discount: Discount = Discount()
    reasons: Annotated[int, Field(ge=1, le=5)] = 5
    calibration: Calibration = Calibration()
    findings: FindingThresholds = FindingThresholds()
    engine: Engine = "auto"
    processing_image_uri: Annotated[str, Field(min_length=1)] | None = None

    @field_validator("metrics", "windows")
    @classmethod
    def _once_each(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} named twice")
        return names
