"""Whether logs tell local times without a zone, from the beginning of each."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from ndr.contract.errors import NdrError
from ndr.contract.jobspecs.delta_builder import AUTO, DeltaBuilderSpec
from ndr.jobs.deltas.block import flows_of_block, json_block, text_block
from ndr.jobs.deltas.files import JSON, form_of, sample_of
from ndr.local.ingest.logs import Log
from ndr.local.ingest.read import spec_of_logs
from ndr.sources.json_objects import as_lines
from ndr.sources.registry import source_of
from ndr.sources.source import Sample
from ndr.store.storage import filesystem


def first_without_zone(logs: Iterable[Log]) -> Log | None:
    """Return the first log with rows that can be used only with a zone, by its first 64 KiB.

    A log that can't be read is not one of them: reading it says what is wrong with it. Times of Parquet need no zone.
    """
    without, in_utc = (spec_of_logs(AUTO, zone) for zone in (None, "UTC"))
    for log in logs:
        system, path = filesystem(log.uri)
        try:
            sample = sample_of(system, path)
            if sample.head and _unusable(sample, without) > _unusable(sample, in_utc):
                return log
        except (NdrError, OSError, ValueError, pa.ArrowException):
            continue
    return None


def _unusable(sample: Sample, spec: DeltaBuilderSpec) -> int:
    source = source_of(AUTO, sample).source
    whole = sample.head[: sample.head.rfind(b"\n") + 1] or sample.head
    if form_of(source, whole) == JSON:
        block = json_block([as_lines(whole)], source, spec)
    else:
        block = text_block(whole, source, None, spec)
    problems = flows_of_block([sample.path], block, spec).table["problem"]
    return len(problems) - int(problems.null_count)
