"""JobSpec of the FG-B builder: FG-A, pair counts and the inventory in, baselines out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, create_model, field_validator, model_validator

from ndr.contract.datasets import FG_A_METRICS
from ndr.contract.horizons import LONGEST_SAFETY_GAP, TABLE, Cadence
from ndr.contract.jobspecs.delta_builder import Engine
from ndr.contract.jobspecs.model import SpecModel
from ndr.contract.jobspecs.uri import PrefixUri
from ndr.contract.time import WINDOWS, Interval, horizon_interval


def _metric(name: str) -> str:
    names = [column.name for column in FG_A_METRICS]
    if name not in names:
        raise ValueError(f"{name!r} is not an FG-A metric; allowed are {', '.join(names)}")
    return name


Metric = Annotated[str, AfterValidator(_metric)]
Share = Annotated[float, Field(ge=0, le=1)]


HostIdentity = Literal["address", "machine"]
"""What the history of a host is of: its address, or the machine that has the address."""


class FgBBuilderInputs(SpecModel):
    """`dhcp_logs` has Zeek's dhcp.log files in a folder a day, `2026-01-31/`, which `host_identity` machine reads."""

    fg_a: PrefixUri
    pair_counts: PrefixUri
    machine_inventory: PrefixUri
    dhcp_logs: PrefixUri | None = None


class FgBBuilderOutputs(SpecModel):
    fg_b: PrefixUri


class Capping(SpecModel):
    """A row is anomalous when |x - median| / MAD exceeds `threshold` on any key metric of its group: the host's for
    the host's statistics, the segment's for the segment's."""

    threshold: Annotated[float, Field(gt=0)] = 6.0
    key_metrics: tuple[Metric, ...] = ("sessions_cnt", "bytes_sent_sum", "bytes_recv_sum", "peer_ip_nunique")


class Rarity(SpecModel):
    """A pair is rare when active on at most so many days and its (destination, port) contacted by at most such a share
    of the active internal hosts, if at least `min_hosts` of these are active."""

    max_active_days: Annotated[int, Field(ge=1, le=30)] = 2
    max_prevalence: Share = 0.1
    min_hosts: Annotated[int, Field(ge=1)] = 5


def _field_of(label: str) -> str:
    return f"every_{label}"


_SUPPORT_MIN: Final = {"8h": 8, "24h": 4}
_SUPPORT_FIELDS: Any = {
    _field_of(window): (Annotated[int, Field(alias=window, ge=1)], _SUPPORT_MIN.get(window, 50)) for window in WINDOWS
}
_CADENCE_FIELDS: Any = {
    _field_of(horizon.label): (Annotated[Cadence, Field(alias=horizon.label)], horizon.cadence) for horizon in TABLE
}


class Cadences(create_model("CadenceFields", __base__=SpecModel, **_CADENCE_FIELDS)):  # type: ignore[misc]
    """How often each horizon is built, under its label; a backfill builds the same ends. `weekday` 0 is Monday."""

    weekday: Annotated[int, Field(ge=0, le=6)] = 0

    def of(self, horizon: str) -> Cadence:
        """Return the cadence of a horizon."""
        cadence: Cadence = getattr(self, _field_of(horizon))
        return cadence


_GAP_FIELDS: Any = {
    _field_of(horizon.label): (
        Annotated[int, Field(alias=horizon.label, ge=0, le=LONGEST_SAFETY_GAP.days)],
        horizon.safety_gap,
    )
    for horizon in TABLE
}


class SafetyGaps(create_model("SafetyGapFields", __base__=SpecModel, **_GAP_FIELDS)):  # type: ignore[misc]
    """How many days before its end a baseline stops, under the label of its horizon, so that an intruder of these days
    does not teach it."""

    def of(self, horizon: str) -> timedelta:
        """Return the gap of a horizon."""
        days: int = getattr(self, _field_of(horizon))
        return timedelta(days=days)


class SupportMin(create_model("SupportMinFields", __base__=SpecModel, **_SUPPORT_FIELDS)):  # type: ignore[misc]
    """The disjoint windows below which a metric is a cold start, under the label of the window."""

    def of(self, window: str) -> int:
        """Return the least support of a window."""
        least: int = getattr(self, _field_of(window))
        return least


class FgBBuilderSpec(SpecModel):
    """Spec of `fg_b_builder`.

    `metrics` are the FG-A columns that get a baseline; all of them by default. With `host_identity` machine a host's
    baseline follows the machine from address to address, by the inventory and the DHCP logs; FG-A's novelty and FG-C do
    the same.
    """

    inputs: FgBBuilderInputs
    outputs: FgBBuilderOutputs
    metrics: Annotated[tuple[Metric, ...], Field(min_length=1)] = tuple(column.name for column in FG_A_METRICS)
    capping: Capping = Capping()
    rarity: Rarity = Rarity()
    cadence: Cadences = Cadences()
    safety_gap: SafetyGaps = SafetyGaps()
    support_min: Annotated[int, Field(ge=1)] | SupportMin = SupportMin()
    min_coverage: Share = 0.3
    host_identity: HostIdentity = "address"
    engine: Engine = "auto"
    processing_image_uri: Annotated[str, Field(min_length=1)] | None = None

    def interval(self, horizon: str, end: datetime) -> Interval:
        """Return what the baseline of a horizon that is named by `end` summarizes."""
        return horizon_interval(horizon, end, self.safety_gap.of(horizon))

    def least_support(self, window: str) -> int:
        """Return the support below which a metric is a cold start."""
        return self.support_min if isinstance(self.support_min, int) else self.support_min.of(window)

    @field_validator("metrics")
    @classmethod
    def _once_each(cls, metrics: tuple[str, ...]) -> tuple[str, ...]:
        twice = sorted({metric for metric in metrics if metrics.count(metric) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} named twice")
        return metrics

    @model_validator(mode="after")
    def _key_metrics_are_metrics(self) -> FgBBuilderSpec:
        absent = [metric for metric in self.capping.key_metrics if metric not in self.metrics]
        if absent:
            raise ValueError(f"capping.key_metrics names {', '.join(absent)}, which metrics does not")
        return self

    @model_validator(mode="after")
    def _dhcp_logs_are_read(self) -> FgBBuilderSpec:
        if self.inputs.dhcp_logs and self.host_identity == "address":
            raise ValueError(
                "inputs.dhcp_logs is given and host_identity is 'address'; write 'machine', or leave it out"
            )
        return self
