from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from ndr.contract.manifest import Manifest
from ndr.contract.time import EPOCH, SLICE, Interval, merged
from ndr.store.catalog import Partition, newest_first_pieces

spans = st.tuples(st.integers(0, 40), st.integers(1, 40)).map(lambda span: (span[0], span[0] + span[1]))


def _partition(number: int, span: tuple[int, int], age: int) -> Partition:
    manifest = Manifest(
        dataset="deltas",
        project_name="p",
        feature_spec_version="v1",
        start=EPOCH + span[0] * SLICE,
        end=EPOCH + span[1] * SLICE,
        tables={},
        code_version="c",
        run_id=f"run-{number}",
        published_at=EPOCH + timedelta(seconds=age),
    )
    return Partition(f"file:///{number}", manifest)


@given(st.lists(st.tuples(spans, st.integers(0, 3)), max_size=8), spans)
def test_for_every_slice_the_partition_published_last_answers(
    given_spans: list[tuple[tuple[int, int], int]], wanted_span: tuple[int, int]
) -> None:
    partitions = [_partition(number, span, age) for number, (span, age) in enumerate(given_spans)]
    wanted = Interval(EPOCH + wanted_span[0] * SLICE, EPOCH + wanted_span[1] * SLICE)

    pieces = newest_first_pieces(partitions, wanted)

    for piece in wanted.steps(SLICE):
        covering = [p for p in partitions if piece.start in p.manifest.interval]
        newest = max(covering, key=lambda p: (p.manifest.published_at, p.manifest.run_id), default=None)
        answering = [answer.partition for answer in pieces if piece.start in answer.interval]
        assert answering == ([newest] if newest else [])
    assert all(piece.interval.intersection(wanted) == piece.interval for piece in pieces)
    assert sum((p.interval.duration for p in pieces), timedelta()) == sum(
        (interval.duration for interval in merged(p.interval for p in pieces)), timedelta()
    )
