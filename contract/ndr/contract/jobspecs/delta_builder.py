"""JobSpec of the delta builder: integration flows in, deltas, peer deltas and quarantine out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ndr.contract.datasets import INTEGRATION
from ndr.contract.jobspecs.model import SpecModel
from ndr.contract.jobspecs.uri import PrefixUri

Port = Annotated[int, Field(ge=0, le=65535)]
Engine = Literal["auto", "local", "spark"]


class DeltaBuilderInputs(SpecModel):
    integration: PrefixUri


class DeltaBuilderOutputs(SpecModel):
    """A partition of `deltas` holds three tables that are committed as one: deltas, peer_deltas and quarantine."""

    deltas: PrefixUri


class PortClasses(SpecModel):
    """Destination ports of each class. Defaults follow the IANA service registry."""

    high_risk: tuple[Port, ...] = (23, 135, 445, 1433, 3389, 4444, 5900, 6667)
    admin: tuple[Port, ...] = (22, 23, 3389, 5900, 5985, 5986)
    fileshare: tuple[Port, ...] = (20, 21, 69, 111, 139, 445, 873, 2049)
    directory: tuple[Port, ...] = (88, 389, 464, 636, 3268, 3269)
    db: tuple[Port, ...] = (1433, 1521, 3306, 5432, 6379, 9042, 9200, 27017)


class DeltaBuilderSpec(SpecModel):
    """Spec of `delta_builder`.

    `field_mapping` names, for each integration column that a source calls otherwise, the source's column.
    """

    inputs: DeltaBuilderInputs
    outputs: DeltaBuilderOutputs
    input_format: Literal["AUTO", "JSON", "PARQUET"] = "AUTO"
    field_mapping: dict[
        Literal[tuple(INTEGRATION.column_names)],  # type: ignore[valid-type]
        Annotated[str, Field(min_length=1, max_length=256)],
    ] = Field(default_factory=dict)
    port_classes: PortClasses = PortClasses()
    short_session_seconds: Annotated[float, Field(ge=0, le=86400)] = 1.0
    engine: Engine = "auto"
    processing_image_uri: Annotated[str, Field(min_length=1)] | None = None
