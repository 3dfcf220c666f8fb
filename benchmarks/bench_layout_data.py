"""Thirty days of published FG-A and pair counts in three layouts of the same rows, for the benchmark of layouts.

`days`: a partition a day, as a bulk load publishes. `slices`: a partition a quarter hour, as the schedule publishes.
`production`: days that are compacted from slices, and the slices of the last day. Manifests are as long as those of the
jobs.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from bench_fg_b_job_data import END, METRICS, RUN, features, pair_counts
from bench_fg_b_job_data import specs as specs_on_disk

from ndr.contract.datasets import DELTAS, FG_A, MACHINE_INVENTORY, PAIR_COUNTS, Dataset
from ndr.contract.jobspecs.fg_a_builder import FgABuilderSpec
from ndr.contract.jobspecs.fg_b_builder import FgBBuilderSpec
from ndr.contract.manifest import Answer, InputRange
from ndr.contract.time import DAY, EPOCH, SLICE, Interval
from ndr.jobs.fg_b.specs import BaselineSpecs
from ndr.jobs.inventory.layout import month_interval, snapshot_uri
from ndr.store.catalog import published_pieces
from ndr.store.compaction import Compaction, stretches
from ndr.store.manifest import read_manifest
from ndr.store.partition import time_partition_uri
from ndr.store.publish import PartitionWriter, in_key_order
from ndr.store.schema import arrow_schema
from ndr.store.storage import delete_folder

LAYOUTS = ("days", "production", "slices")
SPAN = Interval(END - 30 * DAY, END)
DELTAS_URI = "s3://ndr-data-bucket-of-an-account/project/v1/deltas"
"""No deltas are read; manifests name them."""


def specs(source: str, output: str) -> BaselineSpecs:
    """Return the FG-B job's specs, reading below one URI and publishing below another."""
    fg_a = {"inputs": {"deltas": f"{source}/deltas/", "fg_b": output}, "outputs": {"fg_a": f"{source}/fg_a/"}}
    inputs = {name: f"{source}/{name}/" for name in ("fg_a", "pair_counts", "machine_inventory")}
    fg_b = {"inputs": inputs, "outputs": {"fg_b": output}, "metrics": list(METRICS)}
    return BaselineSpecs(FgBBuilderSpec.model_validate(fg_b), FgABuilderSpec.model_validate(fg_a), ("VDI-",))


def publish_layouts(folder: Path, hosts: int) -> None:
    """Publish each layout that is not there yet, whole."""
    for layout in ("days", "slices"):
        if not (folder / layout).is_dir():
            beside = folder / f"{layout}.partial"
            _publish_layout(beside, layout == "slices", hosts)
            beside.rename(folder / layout)
    if not (folder / "production").is_dir():
        beside = folder / "production.partial"
        shutil.rmtree(beside, ignore_errors=True)
        shutil.copytree(folder / "slices", beside, copy_function=os.link)
        for dataset in (FG_A, PAIR_COUNTS):
            for day in list(SPAN.steps(DAY))[:-1]:
                _compact((beside / dataset.name).as_uri(), dataset, day)
        beside.rename(folder / "production")


def _compact(prefix: str, dataset: Dataset, day: Interval) -> None:
    """Compact a day as the compaction job does, and delete its slices as the sweep does two days later."""
    (stretch,) = stretches(published_pieces(prefix, day, dataset.name))
    reads = _reads(dataset, day, whole_days=False)
    Compaction.of(prefix, stretch, (dataset,)).publish(lambda _: None, {}, reads=reads, **RUN.facts)
    for each in day.steps(SLICE):
        delete_folder(time_partition_uri(prefix, each))


def _publish_layout(project: Path, in_slices: bool, hosts: int) -> None:
    addresses = [f"10.0.{host // 100}.{host % 100 + 1}" for host in range(hosts)]
    rules = specs_on_disk(project, project)
    for day in SPAN.steps(DAY):
        random = np.random.default_rng((day.start - EPOCH).days)
        for dataset, rows in (
            (FG_A, features(day, addresses, random, rules)),
            (PAIR_COUNTS, pair_counts(day, addresses, random)),
        ):
            prefix = (project / dataset.name).as_uri()
            for interval, part in _slices(dataset, rows, day) if in_slices else [(day, rows)]:
                _publish(prefix, dataset, part, interval)
    month = f"{SPAN.start:%Y-%m}"
    names = [f"VDI-{host}" if host % 9 == 0 else f"HOST-{host}" for host in range(hosts)]
    machines = pa.table([addresses, names, [month] * hosts], schema=arrow_schema(MACHINE_INVENTORY))
    writer = PartitionWriter(snapshot_uri((project / "machine_inventory").as_uri(), month))
    writer.write(in_key_order(machines, MACHINE_INVENTORY), MACHINE_INVENTORY)
    whole = month_interval(month)
    writer.commit(dataset=MACHINE_INVENTORY.name, start=whole.start, end=whole.end, **RUN.facts)


def _slices(dataset: Dataset, rows: pa.Table, day: Interval) -> Iterator[tuple[Interval, pa.Table]]:
    time = str(dataset.time_column)
    ordered = rows.sort_by(time)
    instants = ordered[time].cast(pa.int64()).to_numpy()
    for each in day.steps(SLICE):
        # The slice of a window is that before its end.
        at = each.end if dataset.is_window_end else each.start
        instant = (at - EPOCH) // timedelta(microseconds=1)
        first, last = np.searchsorted(instants, (instant, instant + 1))
        yield each, ordered.slice(first, last - first)


def _publish(prefix: str, dataset: Dataset, rows: pa.Table, interval: Interval) -> None:
    uri = time_partition_uri(prefix, interval)
    if read_manifest(uri):
        return
    writer = PartitionWriter(uri)
    writer.write(in_key_order(rows, dataset), dataset)
    reads = _reads(dataset, interval, whole_days=interval.duration == DAY)
    writer.commit(dataset=dataset.name, start=interval.start, end=interval.end, reads=reads, **RUN.facts)


def _reads(dataset: Dataset, interval: Interval, whole_days: bool) -> tuple[InputRange, ...]:
    """Return what a job says it read: the deltas of all windows, and for FG-A digests of the month before."""
    day = Interval(interval.start - (interval.start - EPOCH) % DAY, interval.end)
    start = interval.start if dataset is PAIR_COUNTS else day.start - DAY
    asked = Interval(start, interval.end)
    answers = tuple(_answer(DELTAS_URI, each) for each in asked.steps(DAY if whole_days else SLICE))
    named = InputRange(dataset=DELTAS.name, start=asked.start, end=asked.end, answers=answers)
    if dataset is PAIR_COUNTS:
        return (named,)
    month = Interval(start - 30 * DAY, start)
    digests = {f"{each.start:%Y-%m-%d}": f"{each.start:%Y%m%d}{'0' * 8}" for each in month.steps(DAY)}
    return named, InputRange(dataset=DELTAS.name, start=month.start, end=month.end, day_digests=digests)


def _answer(prefix: str, interval: Interval) -> Answer:
    run_id = f"{interval.end:%Y%m%dT%H%M%SZ}-0123456789ab"
    return Answer(uri=time_partition_uri(prefix, interval), run_id=run_id, start=interval.start, end=interval.end)
