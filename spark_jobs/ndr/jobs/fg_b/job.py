"""The FG-B builder: published FG-A, pair counts and the inventory in, one partition a baseline out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from ndr.contract.datasets import FG_B
from ndr.contract.history import short_sentence
from ndr.contract.horizons import HORIZONS
from ndr.contract.ledger import ledger_key
from ndr.contract.manifest import InputEntry, InputRange, Manifest
from ndr.contract.time import SLICE, WINDOWS, Interval, format_instant, whole_seconds
from ndr.jobs.claims import LeaseHeld, LeaseKey
from ndr.jobs.fg_b import local_engine
from ndr.jobs.fg_b import on_spark as spark_engine
from ndr.jobs.fg_b.baseline import BaselineJob
from ndr.jobs.fg_b.machine_hosts import MachineHosts
from ndr.jobs.fg_b.published import ChunkRows
from ndr.jobs.fg_b.specs import BaselineSpecs
from ndr.jobs.fg_b.targets import Target, chunks
from ndr.jobs.host_identity.machines import Machines
from ndr.jobs.identity import processing_job
from ndr.jobs.inventory.snapshot import Snapshot
from ndr.jobs.leases import completed
from ndr.jobs.run import Run
from ndr.store.partition import baseline_partition_uri
from ndr.store.pending_commit import Fence
from ndr.store.publish import PartitionWriter


@dataclass(frozen=True)
class InsufficientHistory:
    """Why a baseline is not built: too little of its horizon is published."""

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
) -> Iterator[tuple[Target, Manifest | InsufficientHistory | LeaseHeld]]:
    """Publish each target's baseline: the tables host, segment, pair_host, pair_segment and ip_metadata as one commit.

    Targets whose ends lie within the longest horizon share one read of their rows, so a backfill does not read a
    horizon for every day, and memory is bounded by two horizons.

    Parameters
    ----------
    inventory_of : callable
        Returns the newest inventory snapshot at or before a month, `YYYY-MM`.

    Yields
    ------
    (Target, Manifest or InsufficientHistory or LeaseHeld)
        `InsufficientHistory`: too little of the horizon is published. `LeaseHeld`: another run is building it. Nothing
        is published in either case.

    Raises
    ------
    PublishConflictError
        Another run took a baseline over.
    """
    for asked in chunks(targets, max(HORIZONS.values())):
        chunk = []
        for target in asked:
            held = run.claims.claim(lease_key(run, target))
            if held:
                yield target, held
            else:
                chunk.append(target)
        if not chunk:
            continue
        rows = ChunkRows.of(specs, chunk, run.owner)
        enough = []
        for target in chunk:
            covered = rows.coverage(specs.interval(target))
            if covered < specs.fg_b.min_coverage:
                missing = rows.missing(specs, specs.interval(target))
                yield target, InsufficientHistory(target, covered, specs.fg_b.min_coverage, missing)
            else:
                enough.append((target, covered))
        if enough:
            yield from _publish_chunk(run, specs, enough, rows, inventory_of)


def _publish_chunk(
    run: Run,
    specs: BaselineSpecs,
    targets: Sequence[tuple[Target, float]],
    chunk: ChunkRows,
    inventory_of: Callable[[str], Snapshot],
) -> Iterator[tuple[Target, Manifest]]:
    inventories = [inventory_of(f"{target.end:%Y-%m}") for target, _ in targets]
    machines = Machines.over(specs.fg_b, _machines_span(specs, targets), inventory_of)
    hosts = MachineHosts(machines) if machines else None
    jobs = [
        BaselineJob(
            replace(
                specs.baseline(target, chunk.published), pairs_published=chunk.pairs_published(specs.interval(target))
            ),
            hosts.known(target.end) if hosts else inventory.machines,
            PartitionWriter(baseline_partition_uri(specs.fg_b.outputs.fg_b, target.horizon, target.end)),
        )
        for (target, _), inventory in zip(targets, inventories, strict=True)
    ]
    if run.spark is None:
        written: Iterable[PartitionWriter] = local_engine.write_baselines(specs, jobs, chunk, hosts)
    else:
        written = spark_engine.write_baselines(run.spark, specs, jobs, chunk, hosts)
    for (target, covered), writer, inventory in zip(targets, written, inventories, strict=True):
        fence = partial(run.claims.fence, lease_key(run, target), horizon=target.horizon)
        interval = specs.interval(target)
        digest = specs.networks.digest
        inputs = machines.inputs if machines else (inventory.source,) if inventory.source else ()
        reads = chunk.reads(interval)
        if machines:
            reads = (*reads, *machines.reads(_machines_span(specs, [(target, covered)])))
        yield target, _commit(run, target, interval, writer, covered, inputs, reads, inventory.note, digest, fence)


def _machines_span(specs: BaselineSpecs, targets: Sequence[tuple[Target, float]]) -> Interval:
    """Return the time over which the machines of addresses matter to some baselines: a slice after their ends, too, at
    which it counts who has an address."""
    start = min(specs.interval(target).start for target, _ in targets)
    return Interval(start - max(WINDOWS.values()), max(target.end for target, _ in targets) + SLICE)


def _commit(
    run: Run,
    target: Target,
    interval: Interval,
    writer: PartitionWriter,
    covered: float,
    inputs: tuple[InputEntry, ...],
    reads: tuple[InputRange, ...],
    note: str | None,
    networks: str,
    fence: Fence,
) -> Manifest:
    return writer.commit(
        fence,
        dataset=FG_B,
        start=interval.start,
        end=target.end,
        effective_end=interval.end,
        inputs=inputs,
        reads=reads,
        coverage=covered,
        networks=networks,
        note=note,
        **run.facts,
    )


def lease_key(run: Run, target: Target) -> LeaseKey:
    """Return the ledger item of a baseline."""
    key = ledger_key(run.project_name, run.feature_spec_version, FG_B, target.horizon, target.end)
    return LeaseKey(key["series"], key["as_of"], name=f"{target.horizon} ending {format_instant(target.end)}")


def ledger_facts(outcome: Manifest | InsufficientHistory) -> dict[str, Any]:
    """Return the ledger attributes of an outcome: completed, or insufficient history with the reason."""
    if isinstance(outcome, Manifest):
        return completed(outcome)
    return {
        "status": "insufficient_history",
        "reason": str(outcome),
        "updated_at": format_instant(whole_seconds(datetime.now(UTC))),
        "processing_job": processing_job(),
    }
