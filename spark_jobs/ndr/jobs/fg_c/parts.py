"""Scores of a time in which the same baselines are valid, a part of the hosts at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pyarrow as pa

from ndr.contract.datasets import FG_C_SCORES, SILENCE_WINDOW
from ndr.contract.jobspecs.calendar import Calendar
from ndr.contract.jobspecs.fg_c_builder import FgCBuilderSpec
from ndr.contract.jobspecs.networks import Networks
from ndr.jobs.fg_c.absences import Absence, silences
from ndr.jobs.fg_c.baseline_hosts import Stayed, always
from ndr.jobs.fg_c.calibration import Calibration
from ndr.jobs.fg_c.discounts import Discounts
from ndr.jobs.fg_c.expected import ExpectedHours, longest, missing
from ndr.jobs.fg_c.host_counts import host_counts, large_segments
from ndr.jobs.fg_c.hosts import HostScores
from ndr.jobs.fg_c.judges import HorizonBaseline
from ndr.jobs.fg_c.kernel import Scoring
from ndr.jobs.fg_c.reach import reached_bands
from ndr.jobs.fg_c.rows import FeatureRows
from ndr.jobs.fg_c.scopes import Scopes
from ndr.jobs.fg_c.scored_rows import ScoredRows
from ndr.jobs.fg_c.unusual import unusual_parts
from ndr.net.networks import segment_ids
from ndr.store.schema import coded_schema


@dataclass(frozen=True)
class ScoringRules:
    """What of the JobSpecs scores follow from: their own, the networks, and what a network's baseline rests on."""

    spec: FgCBuilderSpec
    networks: Networks
    support_min: Mapping[str, int]
    calendar: Calendar = field(default_factory=Calendar)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that are scored, in the order of the scores."""
        return tuple(sorted(self.spec.metrics))


class Scores:
    """The scores of FG-A rows: first what is counted over all hosts, then the tables, which need all hosts' counts."""

    def __init__(
        self, rows: FeatureRows, baselines: Sequence[HorizonBaseline], rules: ScoringRules, stayed: Stayed = always
    ) -> None:
        """Take the rows of complete hosts: of the windows that are scored, and of the one that tells of silence.

        `stayed` tells whether a host had its address in a time, as `silences` and `missing` take it.
        """
        self._stayed = stayed
        self._present, self._baselines, self._rules = rows.table, baselines, rules
        spec, zone, scored = rules.spec, rules.calendar.time_zone, rows.of_windows(rules.spec.windows)
        hours, reached = ExpectedHours(baselines, scored, zone), partial(reached_bands, calendar=rules.calendar)
        self.segments: list[str] = segment_ids(scored.hosts, rules.networks).to_pylist()
        self._scopes = Scopes.of(scored, self.segments)
        self._scoring = Scoring.of(
            scored, baselines, self.segments, spec, rules.support_min, hours.shares, hours.highest, reached
        )

    def counts(self, counted: Collection[str]) -> pa.Table:
        """Return `host_counts` of the rows; of the segments, those of `counted`."""
        found = unusual_parts(self._scoring)
        return host_counts(found, self._scoring.rows, self._scopes, counted, self._rules.metrics)

    def tables(
        self, bands: Mapping[str, Mapping[int, str]], calibration: Calibration, discounts: Discounts
    ) -> Iterator[tuple[pa.Table, pa.Table]]:
        """Score the rows, and find what did not happen.

        Parameters
        ----------
        bands : mapping of str to mapping of int to str
            As `silences` takes them.
        discounts : Discounts
            That follow from the counts of all hosts, these and others.

        Yields
        ------
        (Table, Table)
            Rows of FG_C_SCORES and of FG_C_HOSTS, each sorted by its key: of a part of the hosts, last of those that
            have no row.
        """
        most, places = self._rules.spec.reasons, self._scopes.places(discounts.groups)
        of_host: dict[str, list[Absence]] = {}
        for each in self._absences(bands):
            of_host.setdefault(each.host_ip, []).append(each)
        its = self._scoring.rows
        present = {its.hosts[place] for place in np.unique(its.host_of).tolist()}

        def tables_of(scored: ScoredRows) -> tuple[pa.Table, pa.Table]:
            part = scored.with_discounts(discounts.of_rows(scored.rows, self._scopes, places))
            hosts = HostScores.of(part, most)
            here = [each for host in dict.fromkeys(hosts.hosts) for each in of_host.get(host, [])]
            return part.table(), hosts.with_absences(here, most).table(calibration)

        yield from self._scoring.each(tables_of)
        rest = [each for host, found in of_host.items() if host not in present for each in found]
        if rest:
            hosts = HostScores.none().with_absences(rest, most)
            yield coded_schema(FG_C_SCORES).empty_table(), hosts.table(calibration)

    def _absences(self, bands: Mapping[str, Mapping[int, str]]) -> list[Absence]:
        least, weight = self._rules.spec.expected_active_ratio, self._rules.spec.weights.host
        profiled, zone = longest(self._baselines), self._rules.calendar.time_zone
        return [
            *silences(self._present, bands, self._baselines, least, weight, self._stayed),
            *missing(self._present, bands.get(SILENCE_WINDOW, {}), profiled, least, weight, zone, self._stayed),
        ]


def scored_tables(
    rows: FeatureRows,
    bands: Mapping[str, Mapping[int, str]],
    baselines: Sequence[HorizonBaseline],
    rules: ScoringRules,
    calibration: Calibration,
    stayed: Stayed = always,
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Score the FG-A rows of all hosts; see `Scores` for what is taken and yielded."""
    scores, discount, metrics = Scores(rows, baselines, rules, stayed), rules.spec.discount, rules.metrics
    counts = scores.counts(large_segments(scores.segments, discount.min_hosts))
    yield from scores.tables(bands, calibration, Discounts.of(counts, metrics, discount))


def together(tables: Iterable[tuple[pa.Table, pa.Table]], rows: int) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Put the tables of neighbouring parts together, until there are so many rows of FG_C_SCORES."""
    held: list[tuple[pa.Table, pa.Table]] = []
    for scores, hosts in tables:
        if held and sum(each.num_rows for each, _ in held) + scores.num_rows > rows:
            yield _concatenated(held)
            held = []
        held.append((scores, hosts))
    if held:
        yield _concatenated(held)


def _concatenated(tables: Sequence[tuple[pa.Table, pa.Table]]) -> tuple[pa.Table, pa.Table]:
    scores, hosts = (pa.concat_tables(of) for of in zip(*tables, strict=True))
    return scores, hosts
