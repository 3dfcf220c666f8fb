"""The two builders, on a day: python bench_deltas_ours.py FOLDER MINI_BATCH_ID OUTPUT."""

import sys
from pathlib import Path

import without_pandas  # noqa: F401

from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.contract.jobspecs.pair_counts_builder import PairCountsBuilderSpec
from ndr.contract.time import Interval
from ndr.jobs.deltas.job import publish_deltas
from ndr.jobs.pair_counts.job import publish_pair_counts
from ndr.jobs.run import Run

folder, mini_batch_id, output = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
day = Interval.parse("2026-01-01", "2026-01-02")
run = Run("delta_builder", "bench", "v1", table=None)  # type: ignore[arg-type]  # the specs are here
deltas = (output / "deltas").as_uri()
spec = {"inputs": {"integration": folder.as_uri()}, "outputs": {"deltas": deltas}}
pairs = {"inputs": {"deltas": deltas}, "outputs": {"pair_counts": (output / "pair_counts").as_uri()}}
(built,) = publish_deltas(run, DeltaBuilderSpec.model_validate(spec), mini_batch_id, day)
assert built.rows
assert built.rows.rows_used == built.rows.rows_in, "the traffic drawn holds no row that can't be used"
(counted,) = publish_pair_counts(run, PairCountsBuilderSpec.model_validate(pairs), day)
assert counted.tables["pair_counts"].rows
