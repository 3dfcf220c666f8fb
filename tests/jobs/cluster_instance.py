"""One instance of a job: FG-A of the project in a folder, as the entry point would run it there."""

from __future__ import annotations

import sys
from pathlib import Path

from job_chain import Project  # a script finds what lies beside it

from ndr.contract.time import Interval
from ndr.jobs.entry import on_instances
from ndr.jobs.fg_a.job import publish_fg_a
from ndr.jobs.run import Run
from ndr.spark import parts
from ndr.spark.instances import read_instances


def main(root: str, start: str, end: str) -> None:
    project = Project(Path(root))
    parts.SMALLEST_PART = 20  # type: ignore[misc]  # so that there are parts left when an instance dies
    parts.PARTS_PER_CORE = 8  # type: ignore[misc]

    def job(run: Run) -> None:
        list(publish_fg_a(run, project.spec("fg_a_builder"), Interval.parse(start, end)))

    on_instances(project.run("fg_a_builder"), job, read_instances())


if __name__ == "__main__":
    main(*sys.argv[1:])
