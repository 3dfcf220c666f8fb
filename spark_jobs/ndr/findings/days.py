"""The findings of a UTC day: what passes the thresholds and is not suppressed, one for each host and pair."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import pyarrow as pa

from ndr.contract.datasets import FG_C_HOSTS, FG_C_PAIRS
from ndr.contract.time import DAY, Interval, ceil_to, floor_to
from ndr.findings.build import Builder
from ndr.findings.finding import Findings
from ndr.findings.identity import Kind, finding_uid
from ndr.findings.machines import names_of
from ndr.findings.place import FindingsPlace
from ndr.findings.scored import IS_FINDING, ScoredRows, largest, scored_pieces, scored_rows
from ndr.findings.suppressing import Suppressor

_KINDS: Final[dict[str, Kind]] = {FG_C_HOSTS.name: "host", FG_C_PAIRS.name: "pair"}


@dataclass(frozen=True)
class DayFindings:
    """The findings of a UTC day as its scores are published now, and the uids of those that are suppressed."""

    findings: Findings
    suppressed: frozenset[str]


def day_findings(place: FindingsPlace, day: Interval, now: datetime) -> DayFindings:
    """Return the findings of a UTC day, by the suppressions that are active at `now`.

    Raises
    ------
    SchemaMismatchError
        Published scores can't be read.
    """
    suppressor = Suppressor(place.suppressions.active(now), place.networks)
    pieces = scored_pieces(place, day)
    before = [scored_rows(pieces, each, place.thresholds, findings_only=True) for each in (FG_C_HOSTS, FG_C_PAIRS)]
    hosts, pairs = (_that_are_findings(suppressor.of(each)) for each in before)
    addresses = [*hosts.rows["host_ip"].unique().to_pylist(), *pairs.rows["src_ip"].unique().to_pylist()]
    builder = Builder(place, pieces, names_of(place, day, addresses))
    findings = Findings(
        day,
        tuple(builder.hosts(largest(hosts.rows, hosts.key), hosts)),
        tuple(builder.pairs(largest(pairs.rows, pairs.key), pairs)),
        hosts.entities,
        pairs.entities,
        suppressor.counted(),
        place.suppressions.expired(now),
    )
    told = {each.uid for each in findings.all}
    return DayFindings(findings, frozenset(uid for each in before for uid in _uids(place, each, day)) - told)


def findings_since(place: FindingsPlace, interval: Interval, now: datetime) -> Iterator[Findings]:
    """Return the findings that were last seen in an interval, a UTC day at a time, the newest day first.

    What is suppressed is counted of whole days.
    """
    days = Interval(floor_to(interval.start, DAY), ceil_to(interval.end, DAY))
    for day in reversed(list(days.steps(DAY))):
        found = day_findings(place, day, now).findings
        yield replace(
            found,
            hosts=tuple(each for each in found.hosts if interval.start < each.last_seen <= interval.end),
            pairs=tuple(each for each in found.pairs if interval.start < each.last_seen <= interval.end),
        )


def has_findings(place: FindingsPlace, interval: Interval) -> bool:
    """Tell whether any score of an interval passes the thresholds, suppressed or not."""
    pieces = scored_pieces(place, interval)
    return any(
        scored_rows(pieces, each, place.thresholds, findings_only=True).rows.num_rows
        for each in (FG_C_HOSTS, FG_C_PAIRS)
    )


def _that_are_findings(scored: ScoredRows) -> ScoredRows:
    """Leave out what is not one any more, because it lost reasons."""
    return replace(scored, rows=scored.rows.filter(scored.rows[IS_FINDING]))


def _uids(place: FindingsPlace, scored: ScoredRows, day: Interval) -> Iterator[str]:
    entities: pa.Table = scored.rows.select(scored.key).group_by(scored.key, use_threads=False).aggregate([])
    for entity in zip(*(entities[name].to_pylist() for name in scored.key), strict=True):
        yield finding_uid(place.owner, _KINDS[scored.dataset.name], entity, day)
