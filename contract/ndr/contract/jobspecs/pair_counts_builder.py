"""JobSpec of the pair counts builder: deltas in, (source, destination, port) counts out."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ndr.contract.jobspecs.delta_builder import Engine
from ndr.contract.jobspecs.model import SpecModel
from ndr.contract.jobspecs.uri import PrefixUri


class PairCountsBuilderInputs(SpecModel):
    """Pair counts are the outbound rows of peer_deltas: flows are read and checked once, by delta_builder."""

    deltas: PrefixUri


class PairCountsBuilderOutputs(SpecModel):
    pair_counts: PrefixUri


class PairCountsBuilderSpec(SpecModel):
    """Spec of `pair_counts_builder`."""

    inputs: PairCountsBuilderInputs
    outputs: PairCountsBuilderOutputs
    engine: Engine = "auto"
    processing_image_uri: Annotated[str, Field(min_length=1)] | None = None
