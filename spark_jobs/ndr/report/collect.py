"""All that the report tells, read once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from ndr.contract.datasets import FG_A, FG_A_METRICS, FG_B, FG_B_IP_METADATA, FG_C
from ndr.contract.horizons import HORIZONS
from ndr.contract.jobspecs import FG_A_BUILDER, FG_B_BUILDER, NETWORKS, JobSpecs
from ndr.contract.jobspecs.networks import Networks
from ndr.contract.manifest import Owner
from ndr.contract.time import DAY, SLICE, Interval, ceil_to
from ndr.findings import FindingsPlace, Suppressed
from ndr.findings.machines import last_names
from ndr.findings.newest import newest_end
from ndr.findings.suppressing import Suppressor
from ndr.net.networks import segment_ids
from ndr.report.backfill import BaselineState, baseline_grid
from ndr.report.coverage import BaselineEnd, DayCoverage, baseline_ends, coverage_by_day
from ndr.report.delivery import Delivery, deliveries
from ndr.report.executions import Execution
from ndr.report.files import TableFiles, files_by_table
from ndr.report.host_series import STANDARD, Baselines, Floats, Series, host_baselines, host_values, segment_baselines
from ndr.report.lineage import BaselineLineage, StalePartition, current_inputs, newest_lineages, stale_partitions
from ndr.report.published import Published, published_days
from ndr.report.quarantine import Quarantine, quarantined
from ndr.report.ranking import HostDay, PairDay, scored_hosts, scored_pairs
from ndr.store.catalog import Partition, newest_baseline
from ndr.store.publish import read_table

DAYS: Final = 35
"""How many days the report covers."""
MOST_HOSTS: Final = 1_000
"""How many hosts have a page, those with the largest scores first."""
FINDINGS: Final = 100
"""How many hosts have the series of their reasons beside the standard ones."""
_METRICS: Final = frozenset(column.name for column in FG_A_METRICS)


@dataclass(frozen=True)
class HostPages:
    """The hosts of a day, in the order of their scores, and what their pages show.

    Attributes
    ----------
    day : Interval
        The 24 hours up to the newest scores, or features where nothing is scored.
    scored : list of HostDay or None
        None where the project has no scores of the day.
    hosts : list of str
        Those that have a page, at most MOST_HOSTS; `hosts_seen` counts all.
    names, segments : mapping of str to str
        Machine name, where the inventory knows it, and segment of each host.
    band_of_slot : list of str
        The time band of each of the 96 slots of the day.
    values : mapping
        By host and series: float64[96].
    of_hosts, of_segments : Baselines
    pairs : list of PairDay
    pairs_scored, pair_findings : int
        How many pairs have rows, and how many of these pass the threshold.
    baselines : mapping of str to Partition
        Those that are valid for the last slice of the day, by horizon.
    suppressed : tuple of Suppressed
        The active suppressions, and how many findings each removed.
    """

    day: Interval
    scored: Sequence[HostDay] | None
    hosts: Sequence[str]
    hosts_seen: int
    names: Mapping[str, str]
    segments: Mapping[str, str]
    bands: Sequence[str]
    band_of_slot: Sequence[str]
    values: Mapping[str, Mapping[Series, Floats]]
    of_hosts: Baselines
    of_segments: Baselines
    pairs: Sequence[PairDay]
    pairs_scored: int
    pair_findings: int
    baselines: Mapping[str, Partition]
    suppressed: Sequence[Suppressed] = ()


@dataclass(frozen=True)
class Collected:
    """What the report tells to its three readers."""

    project_name: str
    feature_spec_version: str
    generated_at: datetime
    period: Interval
    time_zone: str
    pages: HostPages | None
    coverage: Mapping[str, Sequence[DayCoverage]]
    baseline_ends: Mapping[str, Sequence[BaselineEnd]]
    inventory: Sequence[Partition]
    quarantine: Quarantine
    lineages: Sequence[BaselineLineage]
    stale: Sequence[StalePartition]
    files: Sequence[TableFiles]
    deliveries: Sequence[Delivery]
    executions: Sequence[Execution]
    grid: Sequence[BaselineState]
    note: str | None = None


def collect(
    jobspecs: JobSpecs,
    executions: Sequence[Execution],
    ledger: Iterable[Mapping[str, Any]],
    days: int = DAYS,
    now: datetime | None = None,
    note: str | None = None,
) -> Collected:
    """Read what is published of the last days.

    Parameters
    ----------
    jobspecs : mapping
        The checked set.
    executions : sequence of Execution
        The newest first.
    ledger : iterable of dict
        Items of the ledger table.
    days : int
        Number of UTC days up to the newest deltas.
    note : str, optional
        Why executions are missing.

    Raises
    ------
    InsufficientHistoryError
        Nothing is published.
    SchemaMismatchError
        What is published can't be read.
    """
    now = now or datetime.now(UTC)
    published = published_days(jobspecs, days)
    answers = current_inputs(published)
    features = jobspecs[FG_A_BUILDER]
    owner = (features.project_name, features.feature_spec_version)
    return Collected(
        project_name=owner[0],
        feature_spec_version=owner[1],
        generated_at=now,
        period=published.period,
        time_zone=features.spec.calendar.time_zone,
        pages=host_pages(jobspecs, published, now),
        coverage=coverage_by_day(published),
        baseline_ends=baseline_ends(published),
        inventory=published.inventory,
        quarantine=quarantined(published),
        lineages=newest_lineages(published, answers),
        stale=stale_partitions(published, answers),
        files=files_by_table(published),
        deliveries=deliveries(published),
        executions=executions,
        grid=baseline_grid(published, ledger, owner, now),
        note=note,
    )


def host_pages(jobspecs: JobSpecs, published: Published, now: datetime) -> HostPages | None:
    """Read the pages of the hosts; None where no features are published. `now` decides which suppressions hold."""
    scores_end = newest_end(published.prefixes[FG_C]) if FG_C in published.prefixes else None
    end = scores_end or newest_end(published.prefixes[FG_A.name])
    if end is None:
        return None
    day = Interval(end - DAY, end)
    scored: list[HostDay] | None = None
    pairs: list[PairDay] = []
    pairs_scored, pair_findings, suppressed = 0, 0, tuple[Suppressed, ...]()
    if scores_end:
        place = FindingsPlace.of(jobspecs)
        suppressor = Suppressor(place.suppressions.active(now), place.networks)
        scored = scored_hosts(published, day, suppressor, place)
        pairs, pairs_scored, pair_findings = scored_pairs(published, day, suppressor, place)
        suppressed = suppressor.counted()
    metrics = jobspecs[FG_B_BUILDER].spec.metrics
    wanted = _wanted_series(scored or ())
    values = host_values(published, day, wanted)
    ranked = list(dict.fromkeys([*(each.host_ip for each in scored or ()), *sorted(values)]))
    hosts = ranked[:MOST_HOSTS]
    valid = _valid_baselines(published, day)
    calendar = jobspecs[FG_A_BUILDER].spec.calendar
    networks: Networks = jobspecs[NETWORKS].spec if NETWORKS in jobspecs else Networks()
    return HostPages(
        day=day,
        scored=scored,
        hosts=hosts,
        hosts_seen=len(ranked),
        names=_machine_names(jobspecs, published, day, valid),
        segments=dict(zip(hosts, segment_ids(hosts, networks).to_pylist(), strict=True)) if hosts else {},
        bands=calendar.band_names,
        band_of_slot=[_band_of(calendar, start) for start in _slice_starts(day)],
        values=values,
        of_hosts=host_baselines(valid, calendar.band_names, wanted, metrics),
        of_segments=segment_baselines(valid, calendar.band_names, wanted, metrics),
        pairs=pairs,
        pairs_scored=pairs_scored,
        pair_findings=pair_findings,
        baselines=valid,
        suppressed=suppressed,
    )


def _wanted_series(scored: Sequence[HostDay]) -> dict[Series, set[str] | None]:
    """Return the standard series of all hosts, and those of the reasons of the first hosts."""
    wanted: dict[Series, set[str] | None] = dict.fromkeys(STANDARD)
    for host in scored[:FINDINGS]:
        for reason in host.reasons:
            metric = reason["metric"].removeprefix("missing_")
            series = Series(metric, reason["role"], reason["window_label"])
            hosts = wanted.setdefault(series, set()) if metric in _METRICS else None
            if hosts is not None:
                hosts.add(host.host_ip)
    return wanted


def _valid_baselines(published: Published, day: Interval) -> dict[str, Partition]:
    last = day.end - SLICE
    found = {horizon: newest_baseline(published.prefixes[FG_B], horizon, last) for horizon in HORIZONS}
    return {horizon: partition for horizon, partition in found.items() if partition}


def _machine_names(
    jobspecs: JobSpecs, published: Published, day: Interval, valid: Mapping[str, Partition]
) -> dict[str, str]:
    fg_b = jobspecs[FG_B_BUILDER]
    if fg_b.spec.host_identity == "machine":
        owner = Owner(fg_b.project_name, fg_b.feature_spec_version)
        return last_names(published.prefixes[FG_A.name], owner, day)
    names: dict[str, str] = {}
    for horizon in sorted(valid, key=lambda label: HORIZONS[label]):  # the longest one last, which decides
        partition = valid[horizon]
        rows = read_table(partition.uri, partition.manifest, FG_B_IP_METADATA, ["host_ip", "machine_name"]).to_pylist()
        names |= {row["host_ip"]: row["machine_name"] for row in rows if row["machine_name"]}
    return names


def _slice_starts(day: Interval) -> list[datetime]:
    first: datetime = ceil_to(day.start, SLICE)
    return [first + number * SLICE for number in range(DAY // SLICE)]


def _band_of(calendar: Any, start: datetime) -> str:
    local = start.astimezone(ZoneInfo(calendar.time_zone))
    return str(calendar.band_of(local.date(), local.time()))
