"""The two stages of a job on Spark: tasks read and cut, then one task for each part runs the kernel and writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import pyarrow as pa

from ndr.contract.datasets import Dataset
from ndr.contract.errors import NdrError
from ndr.contract.manifest import FileEntry
from ndr.spark.messages import COLUMNS, ERROR, SCHEMA, Inputs, failure_message, message, messages_of, named, spelled
from ndr.spark.parts import Parts
from ndr.store.publish import PartitionWriter
from ndr.store.schema import arrow_schema

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Task = TypeVar("Task")
Cut = tuple[str, pa.Table, Parts]
Output = tuple[PartitionWriter, Dataset, str, pa.Table]


class Count(NamedTuple):
    """Rows that the second stage counts, by a name."""

    name: str
    rows: int


RESULT: Final = pa.schema([("result", pa.string())])


@dataclass
class Built:
    """What the tasks of the second stage wrote: files by (partition, dataset), and the rows received of each input or
    counted by its name."""

    files: dict[tuple[str, str], list[FileEntry]] = field(default_factory=dict)
    received: dict[str, int] = field(default_factory=dict)

    def add_to(self, writer: PartitionWriter, *datasets: Dataset) -> None:
        """Add the files to the writer; a dataset without a row gets one empty file."""
        for dataset in datasets:
            files = self.files.get((writer.partition_uri, dataset.name), [])
            if files:
                writer.add_files(dataset, sorted(files, key=lambda file: file.path))
            else:
                writer.write(arrow_schema(dataset).empty_table(), dataset)


def read_messages(spark: SparkSession, tasks: Sequence[Task], read: Callable[[Task], Iterable[Cut]]) -> DataFrame:
    """Run `read` on each task, one Spark task each; it yields tables with a name and the part of each row.

    Returns
    -------
    DataFrame
        Messages; lazy. A named error is sent to part 0.
    """
    given = list(tasks)

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                try:
                    for name, table, parts in read(given[number]):
                        yield from messages_of(name, table, parts)
                except NdrError as error:
                    yield failure_message(error)

    return spark.range(0, len(given), 1, max(1, len(given))).mapInArrow(run, COLUMNS)


def driver_messages(spark: SparkSession, name: str, table: pa.Table, parts: Parts) -> DataFrame:
    """Cut a table of the driver into messages."""
    return spark.createDataFrame(pa.Table.from_batches(messages_of(name, table, parts), SCHEMA))


def shuffled(messages: DataFrame, parts: int) -> DataFrame:
    """Shuffle messages so that Spark partition n holds the whole of part n."""
    return messages.repartitionById(parts, "part")


def transformed(messages: DataFrame, step: Callable[[Inputs], Iterable[tuple[str, pa.Table]]]) -> DataFrame:
    """Run a step on each part of shuffled messages; its output stays in the part."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        inputs = Inputs(batches)
        if inputs.part is None:
            return
        if ERROR in inputs:
            yield message(inputs.part, ERROR, inputs[ERROR])
            return
        try:
            for name, table in step(inputs):
                yield message(inputs.part, name, table)
        except NdrError as error:
            yield failure_message(error)

    return messages.mapInArrow(run, COLUMNS)


def recut(messages: DataFrame, step: Callable[[Inputs], Iterable[Cut]]) -> DataFrame:
    """Run a step on each part of shuffled messages; its output is cut anew, to be shuffled once more."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        inputs = Inputs(batches)
        if inputs.part is None:
            return
        if ERROR in inputs:
            yield message(0, ERROR, inputs[ERROR])
            return
        try:
            for name, table, parts in step(inputs):
                yield from messages_of(name, table, parts)
        except NdrError as error:
            yield failure_message(error)

    return messages.mapInArrow(run, COLUMNS)


def collected(messages: DataFrame, name: str) -> list[pa.Table]:
    """Collect the messages of a name on the driver.

    Raises
    ------
    NdrError
        Raised in a task.
    """
    rows = messages.where(messages["name"].isin(name, ERROR)).select("name", "rows").collect()
    tables = [(row["name"], pa.ipc.open_stream(bytes(row["rows"])).read_all()) for row in rows]
    for of, table in tables:
        if of == ERROR:
            raise named(table["error"][0].as_py())
    return [table for _, table in tables]


def build(messages: DataFrame, make: Callable[[Inputs], Iterable[Output | Count]]) -> Built:
    """Run `make` on each part of shuffled messages; each task writes the tables that its `make` yields.

    `make` yields, for each file, the writer of its partition, its dataset, a suffix that is unique within the part, and
    its rows; or a count. A task that Spark runs twice leaves a file that no manifest names.

    Raises
    ------
    NdrError
        Raised in a task.
    """

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from pyspark import TaskContext

        context = TaskContext.get()
        inputs = Inputs(batches)
        if inputs.part is None:
            return
        if context is None or inputs.part != context.partitionId():
            raise RuntimeError(f"Part {inputs.part} came to another Spark partition: `repartitionById` has changed.")
        result = _result(inputs, make, f"{inputs.part:05d}-{context.taskAttemptId():05d}")
        yield pa.record_batch([[json.dumps(result)]], schema=RESULT)

    return _joined(json.loads(row["result"]) for row in messages.mapInArrow(run, "result string").collect())


def _result(inputs: Inputs, make: Callable[[Inputs], Iterable[Output | Count]], name: str) -> dict[str, object]:
    if ERROR in inputs:
        return {"error": inputs[ERROR]["error"][0].as_py()}
    files = []
    received = {name: table.num_rows for name, table in inputs.items()}
    try:
        for output in make(inputs):
            if isinstance(output, Count):
                received[output.name] = received.get(output.name, 0) + output.rows
                continue
            writer, dataset, suffix, table = output
            if table.num_rows:
                entry = writer.write_file(table, dataset, f"{name}{suffix and '-'}{suffix}")
                files.append([writer.partition_uri, dataset.name, entry.model_dump()])
    except NdrError as error:
        return {"error": spelled(error)}
    return {"files": files, "received": received}


def _joined(results: Iterable[dict[str, object]]) -> Built:
    built = Built()
    for result in results:
        if "error" in result:
            raise named(str(result["error"]))
        for uri, dataset, entry in result["files"]:  # type: ignore[attr-defined]
            built.files.setdefault((uri, dataset), []).append(FileEntry(**entry))
        for name, rows in result["received"].items():  # type: ignore[attr-defined]
            built.received[name] = built.received.get(name, 0) + rows
    return built
