"""In whatever order slices are delivered, built, repeated and cut off: in the end everything equals the bulk build."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from tests.jobs.job_chain import Project, random_flows

from ndr.contract.datasets import DELTAS, FG_A, PAIR_COUNTS, PEER_DELTAS, Dataset
from ndr.contract.errors import EmptyResultError
from ndr.contract.time import SLICE, Interval, mini_batch_id, parse_instant
from ndr.jobs.deltas.mini_batches import mini_batches, out_of_batch_rows
from ndr.store import publish
from ndr.store.scan import Scan

# Two and a half hours around midnight, so that a batch is cut into two partitions.
START = parse_instant("2026-01-05T22:30:00Z")
SLICES = [Interval(START + number * SLICE, START + (number + 1) * SLICE) for number in range(12)]
NEXT = Interval(SLICES[-1].end, SLICES[-1].end + SLICE)
ALL = Interval(START, NEXT.end)
BATCHES = {f"slice {number}": each for number, each in enumerate(SLICES)} | {
    f"slices {first} to {last}": Interval(SLICES[first].start, SLICES[last].end)
    for first, last in ((0, 3), (4, 7), (5, 6), (2, 9), (0, 11))
}
"""By names that a failing sequence is read in."""
FLOWS = [flow for number, each in enumerate([*SLICES, NEXT]) for flow in random_flows(each, 4, seed=number, hosts=3)]
COMPARED = ((DELTAS, "deltas"), (PEER_DELTAS, "deltas"), (PAIR_COUNTS, "pair_counts"), (FG_A, "fg_a"))

batches = st.sampled_from(list(BATCHES))
slices = st.sampled_from(list(BATCHES)[: len(SLICES)])
steps = st.sampled_from(["deltas", "fg_a", "pair_counts", "fifteen_minute_steps"])


class _CutOffError(Exception):
    """The run ends before its manifest is put."""


@contextmanager
def _cut_off() -> Iterator[None]:
    def cut(*_: Any) -> NoReturn:
        raise _CutOffError

    with pytest.MonkeyPatch.context() as patch:
        for name in ("put_manifest", "replace_manifest"):
            patch.setattr(publish, name, cut)
        with suppress(_CutOffError):
            yield


def _within(batch: Interval, file: int) -> list[dict[str, Any]]:
    """Return what a file of a batch's folder holds in the end: every second flow."""
    flows = [flow for flow in FLOWS if batch.start.timestamp() <= flow["event_start"] < batch.end.timestamp()]
    return flows[file::2]


def _published(project: Project, dataset: Dataset, folder: str) -> pa.Table:
    rows = Scan.of(project.uri(folder), dataset, ALL).read()
    return rows.sort_by([(name, "ascending") for name in dataset.key])


@pytest.fixture(scope="module")
def bulk(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pa.Table]:
    """Everything, delivered in one folder and built as one batch."""
    project = Project(tmp_path_factory.mktemp("bulk"))
    project.deliver(ALL, FLOWS)
    project.fifteen_minute_steps(ALL)
    return {dataset.name: _published(project, dataset, folder) for dataset, folder in COMPARED}


class AnyOrder(RuleBasedStateMachine):
    """Deliveries and runs of twelve slices."""

    expected: dict[str, pa.Table]

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.project = Project(Path(self.folder.name))
        self.delivered: dict[Interval, set[int]] = {}

    def _deliver(self, batch: Interval, file: int, flows: list[dict[str, Any]]) -> None:
        path = Path(self.folder.name) / "integration" / mini_batch_id(batch) / f"part-{file}.json"
        text = "".join(json.dumps(flow) + "\n" for flow in flows)
        if not path.exists() or path.read_text() != text:
            self.project.deliver(batch, flows, path.name)
        self.delivered.setdefault(batch, set()).add(file)

    @rule(batch=batches)
    def deliver(self, batch: str) -> None:
        self._deliver_whole(BATCHES[batch])

    def _deliver_whole(self, batch: Interval) -> None:
        for file in (0, 1):
            self._deliver(batch, file, _within(batch, file))

    @rule(batch=batches, file=st.sampled_from([0, 1]))
    def deliver_one_file(self, batch: str, file: int) -> None:
        self._deliver(BATCHES[batch], file, _within(BATCHES[batch], file))

    @rule(batch=batches, other=slices)
    def deliver_with_a_flow_of(self, batch: str, other: str) -> None:
        self._deliver(BATCHES[batch], 0, [*_within(BATCHES[batch], 0), *_within(BATCHES[other], 1)[:1]])

    @rule(batch=batches, other=slices)
    def deliver_what_will_be_replaced(self, batch: str, other: str) -> None:
        wrong = {"source_ip": "10.0.0.99", "destination_port": 1}
        flows = (*_within(BATCHES[batch], 0)[:1], *_within(BATCHES[other], 1)[:1])
        self._deliver(BATCHES[batch], 0, [flow | wrong for flow in flows])

    @rule(step=steps, batch=batches)
    def run(self, step: str, batch: str) -> None:
        # A run that would replace rows by nothing is refused; its slices are delivered later.
        with suppress(EmptyResultError):
            getattr(self.project, step)(BATCHES[batch])

    @rule(step=steps, batch=batches)
    def run_that_is_cut_off(self, step: str, batch: str) -> None:
        with suppress(EmptyResultError), _cut_off():
            getattr(self.project, step)(BATCHES[batch])

    def teardown(self) -> None:
        try:
            self._deliver_what_is_missing()
            self._build_what_is_late()
            self._deliver_whole(NEXT)
            self.project.fifteen_minute_steps(NEXT)
            for dataset, folder in COMPARED:
                found = _published(self.project, dataset, folder)
                assert found.to_pylist() == self.expected[dataset.name].to_pylist(), f"{dataset.name} differs"
        finally:
            self.folder.cleanup()

    def _deliver_what_is_missing(self) -> None:
        for batch in list(self.delivered):
            self._deliver_whole(batch)
        for each in SLICES:
            if not any(each.intersection(batch) == each for batch in self.delivered):
                self._deliver_whole(each)

    def _build_what_is_late(self) -> None:
        """Build each slice of which a delivered file is not named by what answers, until there is none."""
        for _ in range(3):
            late = [each for each in SLICES if self._is_late(each)]
            if not late:
                return
            for each in late:
                self.project.deltas(each)
        raise AssertionError(f"{late} stay late")

    def _is_late(self, each: Interval) -> bool:
        folders = [
            *mini_batches(self.project.uri("integration"), mini_batch_id(each), each),
            *out_of_batch_rows(self.project.uri("deltas"), each),
        ]
        pieces = Scan.of(self.project.uri("deltas"), DELTAS, each).pieces
        named = {
            (entry.uri, file) for piece in pieces for entry in piece.partition.manifest.inputs for file in entry.files
        }
        return not pieces or any((folder.uri, file) not in named for folder in folders for file in folder.files)


def test_any_order_equals_the_bulk_build(bulk: dict[str, pa.Table]) -> None:
    """More examples: `NDR_ANY_ORDER_EXAMPLES=500 NDR_ANY_ORDER_STEPS=30 pytest tests/jobs/test_any_order.py`."""
    AnyOrder.expected = bulk
    assert all(table.num_rows for table in bulk.values())
    machine = AnyOrder.TestCase()
    machine.settings = settings(
        max_examples=int(os.environ.get("NDR_ANY_ORDER_EXAMPLES", "8")),
        stateful_step_count=int(os.environ.get("NDR_ANY_ORDER_STEPS", "10")),
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    machine.runTest()
