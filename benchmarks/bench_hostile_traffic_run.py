"""One job over one batch: python bench_hostile_traffic_run.py JOB FOLDER START END."""

import sys
from collections.abc import Iterator
from pathlib import Path

import without_pandas  # noqa: F401

from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.contract.jobspecs.fg_a_builder import FgABuilderSpec
from ndr.contract.jobspecs.pair_counts_builder import PairCountsBuilderSpec
from ndr.contract.manifest import Manifest
from ndr.contract.time import Interval, mini_batch_id
from ndr.jobs.run import Run


class NoJobSpecs:
    """A table without items: the networks are the default ones."""

    name = "none"

    def get_item(self, **_: object) -> dict[str, object]:
        return {}


job, folder, batch = sys.argv[1], Path(sys.argv[2]).as_uri(), Interval.parse(sys.argv[3], sys.argv[4])
uri = {name: f"{folder}/v1/{name}" for name in ("integration", "deltas", "fg_a", "fg_b", "pair_counts")}
run = Run(f"{job}_builder", "bench", "v1", table=NoJobSpecs())  # type: ignore[arg-type]  # the specs are here


def publish() -> Iterator[Manifest]:
    """Run the job; only its own modules are imported, as in its container."""
    if job == "delta":
        from ndr.jobs.deltas.job import publish_deltas

        deltas = {"inputs": {"integration": uri["integration"]}, "outputs": {"deltas": uri["deltas"]}}
        yield from publish_deltas(run, DeltaBuilderSpec.model_validate(deltas), mini_batch_id(batch), batch)
    elif job == "fg_a":
        from ndr.jobs.fg_a.job import publish_fg_a

        fg_a = {"inputs": {name: uri[name] for name in ("deltas", "fg_b")}, "outputs": {"fg_a": uri["fg_a"]}}
        yield from publish_fg_a(run, FgABuilderSpec.model_validate(fg_a), batch)
    else:
        from ndr.jobs.pair_counts.job import publish_pair_counts

        pairs = {"inputs": {"deltas": uri["deltas"]}, "outputs": {"pair_counts": uri["pair_counts"]}}
        yield from publish_pair_counts(run, PairCountsBuilderSpec.model_validate(pairs), batch)


(published,) = publish()
rows = published.rows
print(
    rows.rows_used if rows else 0, rows.rows_quarantined if rows else 0, sum(t.rows for t in published.tables.values())
)
