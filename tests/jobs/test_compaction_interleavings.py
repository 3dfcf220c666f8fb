"""Whatever is published while days are compacted, for each instant the rows of the version published last are read."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ndr.contract.datasets import PAIR_COUNTS
from ndr.contract.errors import PublishConflictError
from ndr.contract.time import EPOCH, SLICE, Interval, interval_of, merged
from ndr.store import publish
from ndr.store.catalog import pieces_answers, published_pieces
from ndr.store.compaction import Compaction, stretches
from ndr.store.partition import time_partition_uri
from ndr.store.pending_commit import Fence
from ndr.store.publish import PartitionWriter
from ndr.store.scan import Scan
from ndr.store.schema import arrow_schema
from ndr.store.sweep import Swept, sweep_day

FACTS = {"project_name": "p", "feature_spec_version": "v1", "code_version": "c"}
ALL = Interval(EPOCH, EPOCH + 6 * SLICE)
SPANS = [(number, number + 1) for number in range(6)] + [(0, 4), (2, 6), (0, 6), (1, 3)]


@dataclass(frozen=True)
class Publish:
    """A publication. What happens `while` it is committed does so after its time is taken and before it is visible."""

    span: tuple[int, int]
    meanwhile: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Compact:
    """A compaction of everything, with what happens after its look-up and while it is committed."""

    before: tuple[Step, ...] = ()
    meanwhile: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Sweep:
    """Everything that was replaced is old enough to be deleted."""


Step = Publish | Compact | Sweep

_publish = st.sampled_from(SPANS).map(Publish)
_inner = st.lists(st.one_of(_publish, st.just(Compact())), max_size=2).map(tuple)
steps = st.lists(
    st.one_of(
        _publish,
        st.builds(Publish, st.sampled_from(SPANS), _inner),
        st.builds(Compact, _inner, _inner),
        st.just(Compact()),
        st.just(Sweep()),
    ),
    max_size=9,
)


@dataclass
class World:
    """Published partitions below `prefix`, and what the manifests that were put say must be read."""

    prefix: str
    numbers: itertools.count[int] = field(default_factory=itertools.count)
    published: dict[tuple[int, int], tuple[datetime, str, int]] = field(default_factory=dict)

    def do(self, steps: Sequence[Step]) -> None:
        for step in steps:
            match step:
                case Publish():
                    self.publish(step)
                case Compact():
                    self.compact(step)
                case Sweep():
                    self.sweep()

    def publish(self, step: Publish) -> None:
        number, interval = next(self.numbers), _interval(step.span)
        row = {"src_ip": "10.0.0.1", "dst_ip": "10.0.0.2", "dst_port": 53, "sessions_cnt": number, "src_bytes_sum": 1}
        rows = [row | {"slice_start": each.start} for each in interval.steps(SLICE)]
        writer = PartitionWriter(time_partition_uri(self.prefix, interval))
        writer.write(pa.Table.from_pylist(rows, arrow_schema(PAIR_COUNTS)), PAIR_COUNTS)
        fence = self._once(step.meanwhile)
        manifest = writer.commit(fence, dataset="pair_counts", start=interval.start, end=interval.end, **FACTS)
        self.published[step.span] = manifest.published_at, manifest.run_id, number

    def compact(self, step: Compact) -> None:
        found = [each for each in stretches(published_pieces(self.prefix, ALL)) if not each.is_compact]
        self.do(step.before)
        for stretch in found:
            try:
                Compaction.of(self.prefix, stretch, (PAIR_COUNTS,)).publish(self._once(step.meanwhile), {}, **FACTS)
            except PublishConflictError:
                continue  # another run published the same partition

    def sweep(self) -> list[Swept]:
        later, pieces = datetime.now(UTC) + timedelta(days=3), published_pieces(self.prefix, ALL)
        return list(sweep_day(self.prefix, ALL, pieces, later, lambda _: True, lambda _: None))

    def _once(self, steps: Sequence[Step]) -> Fence:
        left = [steps]
        return lambda _: self.do(left.pop() if left else ())

    def expected(self) -> dict[datetime, tuple[str, int]]:
        answers = {}
        for each in ALL.steps(SLICE):
            over = [known for span, known in self.published.items() if each.intersection(_interval(span))]
            if over:
                _, run_id, number = max(over)
                answers[each.start] = (run_id, number)
        return answers

    def read(self) -> dict[datetime, int]:
        rows = Scan.of(self.prefix, PAIR_COUNTS, ALL).read().to_pylist()
        found = {row["slice_start"]: row["sessions_cnt"] for row in rows}
        assert len(found) == len(rows), "a row was read twice"
        return found

    def run_ids(self) -> dict[datetime, str]:
        answers = pieces_answers(published_pieces(self.prefix, ALL)).within(ALL)
        return {part.start: answer.run_id for answer in answers for part in answer.interval.steps(SLICE)}


def _interval(span: tuple[int, int]) -> Interval:
    return Interval(EPOCH + span[0] * SLICE, EPOCH + span[1] * SLICE)


def _check(world: World) -> None:
    expected = world.expected()
    assert world.read() == {start: number for start, (_, number) in expected.items()}
    assert world.run_ids() == {start: run_id for start, (run_id, _) in expected.items()}, "the lineage differs"


@given(steps)
@settings(max_examples=int(os.environ.get("NDR_COMPACTION_EXAMPLES", "60")), deadline=None)
def test_the_version_published_last_is_read_in_any_interleaving(given_steps: list[Step]) -> None:
    """More examples: `NDR_COMPACTION_EXAMPLES=2000 pytest tests/jobs/test_compaction_interleavings.py`."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder).as_uri())
        for step in given_steps:
            world.do([step])
            _check(world)
        world.do([Compact(), Sweep()])
        _check(world)
        left = [interval_of(path.parent.name) for path in Path(folder).rglob("_manifest.json")]
        published = merged(Interval(start, start + SLICE) for start in world.expected())
        assert sorted(left) == published, "one partition is left for each stretch, and none covers a gap"


def test_a_slice_whose_time_was_taken_before_the_compaction_and_that_is_visible_after_it_is_read(
    tmp_path: Path,
) -> None:
    world = World(tmp_path.as_uri())
    world.do([Publish((0, 1)), Publish((1, 2))])
    # Its published_at is before that of the slice (1, 2) which the compacted partition has.
    world.do([Publish((0, 1), (Publish((1, 2)), Compact()))])
    _check(world)
    assert world.read()[EPOCH] == 2


def test_a_slice_that_is_built_again_on_an_instance_whose_clock_is_behind_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Behind(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) - timedelta(hours=1)

    world = World(tmp_path.as_uri())
    world.do([Publish((0, 1)), Publish((1, 2)), Compact()])
    monkeypatch.setattr(publish, "datetime", Behind)
    world.do([Publish((0, 1))])
    assert world.read()[EPOCH] == 2
    _check(world)


def test_a_partition_of_the_same_interval_is_not_lost(tmp_path: Path) -> None:
    world = World(tmp_path.as_uri())
    world.do([Publish((0, 4)), Publish((1, 3)), Compact(before=(Publish((0, 4)),))])
    assert set(world.read().values()) == {2}
    world.do([Publish((1, 3)), Compact(meanwhile=(Publish((0, 4)),))])
    assert set(world.read().values()) == {4}
    _check(world)
