"""The FG-B builder: published FG-A, pair counts and the inventory in, one partition a baseline out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from ndr.contract.history import short_sentence
from ndr.contract.horizons import HORIZONS
from ndr.contract.manifest import Manifest
from ndr.contract.time import Interval, format_instant
from ndr.jobs.fg_b import local_engine
from ndr.jobs.fg_b import on_spark as spark_engine
from ndr.jobs.fg_b.baseline import BaselineOrder
from ndr.jobs.fg_b.leases import Claims, Held, Unclaimed
from ndr.jobs.fg_b.published import ChunkRows
from ndr.jobs.fg_b.specs import BaselineSpecs
from ndr.jobs.fg_b.targets import Target, chunks
from ndr.jobs.identity import processing_job
from ndr.jobs.inventory.snapshot import Snapshot
from ndr.jobs.run import Run
from ndr.store.partition import baseline_partition_uri
from ndr.store.publish import PartitionWriter


@dataclass(frozen=True)
class Short:
    """A baseline that is not built because too little of its horizon is published."""

    target: Target
    coverage: float
    wanted: float
    missing: tuple[Interval, ...] = ()

    def __str__(self) -> str:
        return short_sentence(self.target.horizon, self.target.end, self.coverage, self.wanted, self.missing)


def publish_baselines(
    run: Run,
    specs: BaselineSpecs,
    targets: Sequence[Target],
    inventory_of: Callable[[str], Snapshot],
    claims: Claims = Unclaimed(),  # noqa: B008 - it has no state
) -> Iterator[tuple[Target, Manifest | Short | Held]]:
    """Publish each target's baseline: the tables host, segment, pair_host, pair_segment and ip_metadata as one commit.

    Targets whose ends lie within a month share one reading of their rows, so a backfill does not pay the horizon for
    every day, and memory is bounded by two horizons however long it is.

    Parameters
    ----------
    inventory_of : callable
        Returns the newest inventory snapshot at or before a month, `YYYY-MM`.
    claims : Claims
        What a chunk's baselines are claimed with before they are built.

    Yields
    ------
    (Target, Manifest or Short or Held)
        `Short` where the horizon has too little history, `Held` where another run is building it; nothing is published
        then.

    Raises
    ------
    PublishConflictError
        Another run took a baseline over.
    """
    for asked in chunks(targets, max(HORIZONS.values())):
        chunk = []
        for target in asked:
            held = claims.claim(target)
            if held:
                yield target, held
            else:
                chunk.append(target)
        if not chunk:
            continue
        rows = ChunkRows.of(specs, chunk, run.owner)
        enough = []
        for target in chunk:
            covered = rows.coverage(target.interval)
            if covered < specs.fg_b.min_coverage:
                yield target, Short(target, covered, specs.fg_b.min_coverage, rows.missing(specs, target.interval))
            else:
                enough.append((target, covered))
        if enough:
            yield from _publish_chunk(run, specs, enough, rows, inventory_of, claims)


def _publish_chunk(
    run: Run,
    specs: BaselineSpecs,
    targets: Sequence[tuple[Target, float]],
    chunk: ChunkRows,
    inventory_of: Callable[[str], Snapshot],
    claims: Claims,
) -> Iterator[tuple[Target, Manifest]]:
    inventories = [inventory_of(f"{target.end:%Y-%m}") for target, _ in targets]
    orders = [
        BaselineOrder(
            specs.window(target),
            inventory.machines,
            PartitionWriter(baseline_partition_uri(specs.fg_b.outputs.fg_b, target.horizon, target.end)),
        )
        for (target, _), inventory in zip(targets, inventories, strict=True)
    ]
    if run.spark is None:
        written: Iterable[PartitionWriter] = local_engine.write_baselines(specs, orders, chunk.fg_a, chunk.pair_counts)
    else:
        written = spark_engine.write_baselines(run.spark, specs, orders, chunk.fg_a, chunk.pair_counts)
    for (target, covered), writer, inventory in zip(targets, written, inventories, strict=True):
        fence = partial(claims.fence, target)
        yield target, _commit(run, target, writer, chunk, covered, inventory, fence)


def _commit(
    run: Run,
    target: Target,
    writer: PartitionWriter,
    chunk: ChunkRows,
    covered: float,
    inventory: Snapshot,
    fence: Callable[[], None],
) -> Manifest:
    return writer.commit(
        fence,
        dataset="fg_b",
        start=target.interval.start,
        end=target.interval.end,
        inputs=(inventory.source,) if inventory.source else (),
        reads=chunk.reads(target.interval),
        coverage=covered,
        note=inventory.note,
        **run.facts,
    )


def ledger_facts(outcome: Manifest | Short) -> dict[str, Any]:
    """Return completed with its facts, or short of history with the reason."""
    at = format_instant(datetime.now(UTC).replace(microsecond=0))
    job = processing_job()
    if isinstance(outcome, Short):
        return {"status": "insufficient_history", "reason": str(outcome), "updated_at": at, "processing_job": job}
    return {
        "status": "completed",
        "run_id": outcome.run_id,
        "rows": {name: table.rows for name, table in outcome.tables.items()},
        "coverage": f"{outcome.coverage:.4f}",  # DynamoDB has no binary floats
        "updated_at": at,
        "processing_job": job,
    }
