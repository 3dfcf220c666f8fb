"""The FG-A job of one day: python bench_fg_a_files_ours.py DELTAS OUTPUT START END"""

import sys
from pathlib import Path

import without_pandas  # noqa: F401

from ndr.contract.jobspecs.fg_a_builder import FgABuilderSpec
from ndr.contract.time import Interval
from ndr.jobs.fg_a.job import publish_fg_a
from ndr.jobs.run import Run


class NoJobSpecs:
    """A table without items: the networks are the default ones."""

    name = "none"

    def get_item(self, **_: object) -> dict[str, object]:
        return {}


deltas, output, start, end = sys.argv[1:]
inputs = {"deltas": Path(deltas).as_uri(), "fg_b": Path(output, "fg_b").as_uri()}
spec = FgABuilderSpec.model_validate({"inputs": inputs, "outputs": {"fg_a": Path(output, "fg_a").as_uri()}})
run = Run("fg_a_builder", "bench", "v1", table=NoJobSpecs(), code_version="bench")  # type: ignore[arg-type]  # the spec is here
(built,) = publish_fg_a(run, spec, Interval.parse(start, end))
assert built.tables["fg_a"].rows
