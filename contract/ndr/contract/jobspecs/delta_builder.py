"""JobSpec of the delta builder: integration flows in, deltas, peer deltas and quarantine out."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from ndr.contract.datasets import INTEGRATION
from ndr.contract.jobspecs.layout import DELIVERY_DELAY, DeliveryDelay, Layout
from ndr.contract.jobspecs.model import SpecModel
from ndr.contract.jobspecs.port_classes import PortClasses
from ndr.contract.jobspecs.time_zone import TimeZone
from ndr.contract.jobspecs.uri import PrefixUri
from ndr.contract.layout import MINI_BATCH, TimeLayout

Engine = Literal["auto", "local", "spark"]


SOURCE_NAMES: Final = ["integration", "ocsf", "pan_os", "strata", "suricata", "vpc_flow_logs", "zeek"]
"""The log formats that `inputs.source` can name; each is a module of `ndr.sources`."""

AUTO: Final = "auto"
"""The `inputs.source` that recognises each file by its content."""


def _source_name(name: str) -> str:
    if name not in (*SOURCE_NAMES, AUTO):
        raise ValueError(f"{name!r} is not a log format; allowed are {', '.join([*SOURCE_NAMES, AUTO])}")
    return name


class DeltaBuilderInputs(SpecModel):
    """Where the logs lie, and of which format they are.

    `flow_log_format` lists the fields of VPC Flow Logs whose files have no header line, as it was given to AWS.
    `layout` is `mini_batch`, or a time pattern of the folders below the prefix, such as `%Y/%m/%d/%H/`; then
    `delivery_delay` says how long after its time a row arrives at the latest.
    """

    integration: PrefixUri
    source: Annotated[str, AfterValidator(_source_name)] = "integration"
    flow_log_format: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    layout: Layout = MINI_BATCH
    delivery_delay: DeliveryDelay = DELIVERY_DELAY

    @property
    def time_layout(self) -> TimeLayout | None:
        """The folders that `layout` names by time; None where they are mini-batches."""
        return None if self.layout == MINI_BATCH else TimeLayout(self.layout, self.delivery_delay)


class DeltaBuilderOutputs(SpecModel):
    """A partition of `deltas` holds three tables that are committed as one: deltas, peer_deltas and quarantine."""

    deltas: PrefixUri


MappedColumn = Literal["event_action", "event_reason", "network_transport"]
Word = Annotated[str, Field(min_length=1, max_length=256)]


class DeltaBuilderSpec(SpecModel):
    """Spec of `delta_builder`.

    `field_mapping` names, for each integration column that a source calls otherwise, the source's column; a dot leads
    into an object, as in `src_endpoint.ip`. `value_mapping` gives, for a column, the contract's word for each word of
    the source. `time_zone` is the zone of times that tell none.
    """

    inputs: DeltaBuilderInputs
    outputs: DeltaBuilderOutputs
    input_format: Literal["AUTO", "JSON", "PARQUET"] = "AUTO"
    field_mapping: dict[
        Literal[tuple(INTEGRATION.column_names)],  # type: ignore[valid-type]
        Annotated[str, Field(min_length=1, max_length=256)],
    ] = Field(default_factory=dict)
    value_mapping: dict[MappedColumn, dict[Word, Word]] = Field(default_factory=dict)
    time_zone: TimeZone | None = None
    port_classes: PortClasses = PortClasses()
    short_session_seconds: Annotated[float, Field(ge=0, le=86400)] = 1.0
    engine: Engine = "auto"
    processing_image_uri: Annotated[str, Field(min_length=1)] | None = None
