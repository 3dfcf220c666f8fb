"""What is published when a mini-batch starts in production: days put together, and the slices of the last two days."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.jobs.job_chain import Project, random_flows

from ndr.contract.datasets import DELTAS, FG_A, PAIR_COUNTS, Dataset
from ndr.contract.lineage import Answers
from ndr.contract.manifest import InputRange
from ndr.contract.time import DAY, SLICE, Interval, floor_to
from ndr.jobs.fg_a.days import earliest_midnight, inputs_of, lookback_of
from ndr.jobs.published_deltas import PublishedDeltas
from ndr.store.partition import time_partition_uri
from ndr.store.publish import PartitionWriter
from ndr.store.schema import arrow_schema


def publish_history(project: Project, now: Interval, days: int, home: str) -> None:
    """Publish what the jobs published before the slice `now`: deltas of `days` days before yesterday, a partition a
    day, and deltas, FG-A and pair counts of each slice since.

    FG-A and pair counts have no rows, but manifests as their jobs write them.

    Parameters
    ----------
    home : str
        Where the project will lie when it is read: lineage names that place.
    """
    yesterday = floor_to(now.start, DAY) - DAY
    for number, day in enumerate(Interval(yesterday - days * DAY, yesterday).steps(DAY)):
        project.deliver(day, random_flows(day, 10, seed=number))
        project.deltas(day)
    slices = list(Interval(yesterday, now.start).steps(SLICE))
    for number, each in enumerate(slices):
        project.deliver(each, random_flows(each, 3, seed=1000 + number))
        project.deltas(each)
    spec = project.spec("fg_a_builder")
    everything = Interval(inputs_of(slices[0], spec).start, now.start)
    run = project.run("fg_a_builder")
    answers = _moved(PublishedDeltas.of(project.uri("deltas"), run.owner, everything).answers, project, home)
    for each in slices:
        windows = Interval(earliest_midnight(each, spec), each.end)
        lookback = lookback_of(each, spec)
        reads = (answers.named(DELTAS.name, windows), answers.digested(DELTAS.name, lookback))
        _publish(project, FG_A, each, reads)
        _publish(project, PAIR_COUNTS, each, (answers.named(DELTAS.name, each),))


def _moved(answers: Answers, project: Project, home: str) -> Answers:
    root = project.root.as_uri()
    return Answers(tuple(each.model_copy(update={"uri": each.uri.replace(root, home)}) for each in answers.answers))


def _publish(project: Project, dataset: Dataset, interval: Interval, reads: tuple[InputRange, ...]) -> None:
    writer = PartitionWriter(time_partition_uri(project.uri(dataset.name), interval))
    writer.write(arrow_schema(dataset).empty_table(), dataset)
    facts = project.run("fg_a_builder").facts
    writer.commit(dataset=dataset.name, start=interval.start, end=interval.end, reads=reads, **facts)


def upload(root: Path, s3: Any, bucket: str) -> None:
    """Copy all files below a folder to a bucket; what manifests name in the folder, they then name in the bucket."""
    for file in sorted(root.rglob("*")):
        if file.is_file():
            content = file.read_bytes()
            if file.suffix == ".json":
                content = content.replace(root.as_uri().encode(), f"s3://{bucket}".encode())
            s3.put_object(Bucket=bucket, Key=str(file.relative_to(root)), Body=content)
