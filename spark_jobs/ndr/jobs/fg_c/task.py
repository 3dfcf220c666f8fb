"""The scores of hosts over a time in which the same baselines are valid: what is read, and the tables written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ndr.contract.datasets import FG_C_HOSTS, FG_C_SCORES, SILENCE_WINDOW
from ndr.contract.jobspecs.calendar import Calendar
from ndr.contract.time import DAY, SLICE, WINDOWS, Interval, microseconds, slice_number, unfilled
from ndr.jobs.fg_a.business_time import calendar_columns
from ndr.jobs.fg_c.baseline_hosts import BaselineRows, MachineHosts, Stayed, always, as_they_are
from ndr.jobs.fg_c.calibration import Calibration
from ndr.jobs.fg_c.inputs import Inputs
from ndr.jobs.fg_c.parts import ScoringRules, scored_tables
from ndr.jobs.fg_c.rows import FeatureRows
from ndr.jobs.monitored import of_hosts
from ndr.store.catalog import Partition, delivered_intervals
from ndr.store.publish import PartitionWriter
from ndr.store.schema import arrow_schema
from ndr.store.stream import write_streamed


@dataclass(frozen=True)
class ScoringTask:
    """What the scores of an interval follow from: `valid` has the baseline of each horizon that was valid in it."""

    rules: ScoringRules
    inputs: Inputs
    interval: Interval
    valid: dict[str, Partition]
    bands: dict[str, dict[int, str]]
    calibration: Calibration
    machines: MachineHosts | None = None

    def features(self, rows: pa.Table) -> pa.Table:
        """Return the FG-A rows of hosts and windows that are wanted; with BASELINE_HOST where hosts are machines."""
        wanted = self.inputs.wanted(of_hosts(rows, self.rules.networks))
        return self.machines.with_hosts(wanted) if self.machines else wanted

    @property
    def stayed(self) -> Stayed:
        """Tell whether a host had its address in a time."""
        return self.machines.stayed if self.machines else always

    def hosts_of(self, partition: Partition) -> BaselineRows:
        """Return what gives the rows of a baseline the hosts that they judge."""
        if self.machines is None:
            return as_they_are
        return self.machines.of_baseline(self.inputs.read_machines(partition), self.interval)


def write_here(task: ScoringTask, writer: PartitionWriter) -> None:
    """Score the interval in this process."""
    rows = FeatureRows.of(task.features(task.inputs.feature_scan(task.interval).read(coded=True)))
    baselines = task.inputs.read_baselines(task.valid, task.hosts_of)
    hosts = [arrow_schema(FG_C_HOSTS).empty_table()]

    def scores() -> Iterator[pa.Table]:
        tables = scored_tables(rows, task.bands, baselines, task.rules, task.calibration, task.stayed)
        for of_values, its_hosts in tables:
            hosts.append(its_hosts)
            yield of_values

    write_streamed(writer, scores(), FG_C_SCORES)
    writer.write(pa.concat_tables(hosts).sort_by([(name, "ascending") for name in FG_C_HOSTS.key]), FG_C_HOSTS)


def silence_bands(inputs: Inputs, interval: Interval, calendar: Calendar) -> dict[str, dict[int, str]]:
    """Return, by window, the time band of each window end of an interval at which silence can be told from absence.

    The windows are those that are scored, up to a day, and SILENCE_WINDOW. That is where FG-A has the last slice and
    pair counts have the whole window: they were built from the same deltas.
    """
    delivered = delivered_intervals(inputs.pair_counts)
    featured = delivered_intervals(inputs.feature_scan(interval).pieces)
    featured_ends = [each.end for each in interval.steps(SLICE) if not unfilled(each, featured)]
    numbers = np.array([slice_number(end) for end in featured_ends], np.int64)
    bands = calendar_columns(numbers, calendar)["time_band"].to_pylist()
    return {
        label: {
            microseconds(end): band
            for end, band in zip(featured_ends, bands, strict=True)
            if not unfilled(Interval(end - WINDOWS[label], end), delivered)
        }
        for label in sorted({*inputs.spec.windows, SILENCE_WINDOW})
        if WINDOWS[SILENCE_WINDOW] <= WINDOWS[label] <= DAY
    }
