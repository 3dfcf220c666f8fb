"""The sources, and which of them a file is of."""

from __future__ import annotations

from typing import Final, NamedTuple

from ndr.contract.errors import InvalidRequestError, SchemaMismatchError
from ndr.contract.jobspecs.delta_builder import AUTO
from ndr.sources.integration.source import INTEGRATION_FILES
from ndr.sources.ocsf import OCSF
from ndr.sources.pan_os import PAN_OS
from ndr.sources.source import Sample, Source
from ndr.sources.strata import STRATA
from ndr.sources.suricata import SURICATA
from ndr.sources.vpc_flow_logs import VPC_FLOW_LOGS
from ndr.sources.zeek.conn import ZEEK

_ALL: Final = (INTEGRATION_FILES, OCSF, PAN_OS, STRATA, SURICATA, VPC_FLOW_LOGS, ZEEK)
SOURCES: dict[str, Source] = {source.name: source for source in _ALL}
"""The sources by name: those that `SOURCE_NAMES` of the contract lists."""

LEAST_CERTAINTY: Final = 0.5


class Recognised(NamedTuple):
    """The source that a file is taken for, and how sure that is, in [0, 1]."""

    path: str
    source: Source
    certainty: float


def recognise(sample: Sample) -> Recognised | None:
    """Return the source that a file is most likely of, or None where none is likely."""
    certainty, name = max((source.recognise(sample), name) for name, source in SOURCES.items())
    return Recognised(sample.path, SOURCES[name], certainty) if certainty >= LEAST_CERTAINTY else None


def source_of(name: str, sample: Sample) -> Recognised:
    """Return the source of a file: the one that the JobSpec names, or with `auto` the one that it is recognised as.

    Raises
    ------
    SchemaMismatchError
        The file is certainly of another source than the one named, or of none.
    """
    if name == AUTO:
        found = recognise(sample)
        if found is None and (sample.head.strip() or sample.names):
            raise SchemaMismatchError(
                f"{sample.path} is not a log of a known source ({', '.join(SOURCES)}). Name its source in "
                "inputs.source of the delta_builder JobSpec, or leave the file out."
            )
        return found or Recognised(sample.path, INTEGRATION_FILES, 1.0)
    if name not in SOURCES:
        raise InvalidRequestError(f"inputs.source is {name!r}; allowed are {', '.join([*SOURCES, AUTO])}.")
    source = SOURCES[name]
    if source is INTEGRATION_FILES:  # the JobSpec may call its columns anything
        return Recognised(sample.path, source, 1.0)
    certainty = source.recognise(sample)
    if not certainty and (other := recognise(sample)):
        raise SchemaMismatchError(
            f"{sample.path} is not a log of {name}: it looks like {other.source.name} "
            f"(certainty {other.certainty:.2f}). Set inputs.source of the delta_builder JobSpec to "
            f"{other.source.name}, or to auto."
        )
    return Recognised(sample.path, source, certainty)
