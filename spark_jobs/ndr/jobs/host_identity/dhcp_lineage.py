"""DHCP logs as inputs of what is built from them: which records were there, slice by slice.

A record that arrives late changes what answers for its slice. So `ndr.contract.lineage.is_stale` decides what it makes
stale, as it does of every other input.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.lineage import Answers, is_stale, stale_parts
from ndr.contract.manifest import Answer, InputRange, Manifest
from ndr.contract.time import DAY, SLICE, SLICE_MICROSECONDS, Interval, floor_to, instant_of
from ndr.jobs.host_identity.dhcp_logs import LEASE_REACH

DHCP_LOGS: Final = "dhcp_logs"
"""The name under which a manifest records which leases were known."""


def leases_of(span: Interval) -> Interval:
    """Return the time whose leases tell of the machines in a time."""
    return Interval(floor_to(span.start - LEASE_REACH, DAY), span.end)


def lease_answers(uri: str, records: pa.Table) -> Answers:
    """Return what answers for each slice that has a record; another set of records is another version.

    Parameters
    ----------
    records : pa.Table
        DHCP_RECORDS, in any order and repeated or not.
    """
    number = pc.divide(records["observed_at"], SLICE_MICROSECONDS)
    texts = [pc.fill_null(column.cast(pa.string()), "") for column in records.columns]
    rows = pa.table([number, pc.binary_join_element_wise(*texts, "\t")], ["slice", "record"])
    rows = rows.group_by(rows.column_names, use_threads=False).aggregate([])
    ordered = rows.sort_by([(name, "ascending") for name in rows.column_names]).to_pydict()
    lines = groupby(zip(ordered["slice"], ordered["record"], strict=True), key=lambda pair: pair[0])
    return Answers(tuple(_answer(uri, slice_, [record for _, record in found]) for slice_, found in lines))


def _answer(uri: str, slice_: int, lines: list[str]) -> Answer:
    start = instant_of(slice_ * SLICE_MICROSECONDS)
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
    return Answer(uri=uri, run_id=digest, start=start, end=start + SLICE)


def leases_read(answers: Answers, span: Interval) -> InputRange:
    """Return a manifest's record of the leases that told of the machines in a time."""
    return answers.digested(DHCP_LOGS, leases_of(span))


@dataclass(frozen=True)
class Leases:
    """What the DHCP logs have now for a time, with which what was built before is compared."""

    answers: Answers
    time: Interval

    def makes_stale(self, manifest: Manifest) -> bool:
        """Tell whether a partition was built from other leases."""
        return is_stale(manifest, {DHCP_LOGS: self.answers}, self.time)

    def outdated(self, built: Iterable[tuple[Manifest, Interval]]) -> list[Interval]:
        """Return the parts of published partitions that were built from other leases."""
        now = {DHCP_LOGS: self.answers}
        return stale_parts(built, now, lambda part: Interval(self.time.start, min(part.end, self.time.end)))
