"""Scores of a time in which the same baselines are valid, a part of the hosts at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import pyarrow as pa

from ndr.contract.datasets import FG_C_SCORES, SILENCE_WINDOW
from ndr.contract.jobspecs.calendar import Calendar
from ndr.contract.jobspecs.fg_c_builder import FgCBuilderSpec
from ndr.contract.jobspecs.networks import Networks
from ndr.jobs.fg_c.absences import Absence, silences
from ndr.jobs.fg_c.baseline_hosts import Stayed, always
from ndr.jobs.fg_c.calibration import Calibration
from ndr.jobs.fg_c.expected import highest_of, longest, missing, shares_of
from ndr.jobs.fg_c.hosts import HostScores
from ndr.jobs.fg_c.judges import HorizonBaseline
from ndr.jobs.fg_c.kernel import score_rows
from ndr.jobs.fg_c.reach import reached_bands
from ndr.jobs.fg_c.rows import FeatureRows
from ndr.net.networks import segment_ids
from ndr.store.schema import coded_schema


@dataclass(frozen=True)
class ScoringRules:
    """What of the JobSpecs scores follow from: their own, the networks, and what a network's baseline rests on."""

    spec: FgCBuilderSpec
    networks: Networks
    support_min: Mapping[str, int]
    calendar: Calendar = field(default_factory=Calendar)


def scored_tables(
    rows: FeatureRows,
    bands: Mapping[str, Mapping[int, str]],
    baselines: Sequence[HorizonBaseline],
    rules: ScoringRules,
    calibration: Calibration,
    stayed: Stayed = always,
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Score FG-A rows, and find what did not happen.

    Parameters
    ----------
    rows : FeatureRows
        Of the windows that are scored, and of the window that tells of silence; of complete hosts.
    bands : mapping of str to mapping of int to str
        As `silences` takes them.
    stayed : callable
        As `silences` and `missing` take it.

    Yields
    ------
    (Table, Table)
        Rows of FG_C_SCORES and of FG_C_HOSTS, each sorted by its key: of a part of the hosts, last of those that have
        no row.
    """
    spec, profiled = rules.spec, longest(baselines)
    least, weight = spec.expected_active_ratio, spec.weights.host
    absent = [
        *silences(rows.table, bands, baselines, least, weight, stayed),
        *missing(rows.table, bands.get(SILENCE_WINDOW, {}), profiled, least, weight, rules.calendar.time_zone, stayed),
    ]
    of_host: dict[str, list[Absence]] = {}
    for each in absent:
        of_host.setdefault(each.host_ip, []).append(each)
    scored = rows.of_windows(spec.windows)
    segments = segment_ids(scored.hosts, rules.networks).to_pylist()
    expected = partial(shares_of, profiled, time_zone=rules.calendar.time_zone)
    highest = partial(highest_of, time_zone=rules.calendar.time_zone)
    reached = partial(reached_bands, calendar=rules.calendar)
    for part in score_rows(scored, baselines, segments, spec, rules.support_min, expected, highest, reached):
        hosts = HostScores.of(part, spec.reasons)
        here = [each for host in dict.fromkeys(hosts.hosts) for each in of_host.pop(host, [])]
        yield part.table(), hosts.with_absences(here, spec.reasons).table(calibration)
    if of_host:
        rest = HostScores.none().with_absences([each for found in of_host.values() for each in found], spec.reasons)
        yield coded_schema(FG_C_SCORES).empty_table(), rest.table(calibration)
