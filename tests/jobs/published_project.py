"""A small published project in which every table has rows, some hours are published twice, and baselines change."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from tests.jobs.job_chain import Project, random_flows

from ndr.contract.jobspecs import read_jobspecs
from ndr.contract.time import DAY, SLICE, Interval
from ndr.jobs.fg_b.targets import Target
from ndr.read import Place

FIRST: Final = datetime(2026, 1, 10, tzinfo=UTC)
DAYS: Final = Interval(FIRST, FIRST + 3 * DAY)
"""Have deltas, FG-A and pair counts."""
REPEATED: Final = Interval(FIRST + timedelta(hours=5), FIRST + timedelta(hours=6))
"""Is published with its day first, and then by itself, with other rows."""
BASELINES: Final = (Target(FIRST + DAY, "7d"), Target(FIRST + 2 * DAY, "7d"), Target(FIRST + 2 * DAY, "30d"))
SCORED: Final = Interval(FIRST + 2 * DAY - timedelta(hours=1), FIRST + 2 * DAY + timedelta(hours=1))
"""Has scores, across the midnight at which other baselines become valid."""
METRICS: Final = ["sessions_cnt", "bytes_sent_sum", "bytes_recv_sum", "peer_ip_nunique"]
CHANGES: Final = {
    "fg_a_builder": {"windows": ["15m", "1h"]},
    "fg_b_builder": {"min_coverage": 0, "support_min": {"1h": 2}, "metrics": METRICS},
    "fg_c_builder": {"windows": ["1h"], "metrics": METRICS[:1], "calibration": {"days": 1, "min_scores": 10}},
}


def published_project(root: Path) -> Project:
    """Publish it below a folder; its version is in the path, as the check of JobSpecs asks for."""
    project = Project(root / "v1", CHANGES)
    for number, day in enumerate(DAYS.steps(DAY)):
        broken = {**random_flows(day, 1, seed=50)[0], "source_ip": "not an address"}
        project.deliver(day, [*random_flows(day, 250, seed=number), *_beacon(day), broken])
        project.fifteen_minute_steps(day)
    project.deliver(REPEATED, random_flows(REPEATED, 40, seed=9))
    project.fifteen_minute_steps(REPEATED)
    project.inventory("2026-01", {"10.0.0.2": "VDI-02", "10.0.1.1": "SRV-01"})
    project.baselines(list(BASELINES))
    for day in SCORED.steps(DAY):
        project.fg_c(day)
    return project


def _beacon(day: Interval) -> list[dict[str, Any]]:
    """A flow each half hour, from one host to one destination: a pair that baselines know and scores tell of."""
    flows = [random_flows(each, 1, seed=7)[0] for each in day.steps(2 * SLICE)]
    pair = {"source_ip": "10.9.0.2", "destination_ip": "203.0.113.9", "destination_port": 443}
    return [{**flow, **pair, "event_action": "allow"} for flow in flows]


def place_of(project: Project) -> Place:
    return Place.of(read_jobspecs(project.table, "ndr-test", "v1"))


def jobspec_file(project: Project, path: Path) -> Path:
    """Write the project's JobSpecs as one document."""
    documents = [json.loads(each.model_dump_json(by_alias=True)) for each in place_of(project).jobspecs.values()]
    path.write_text(json.dumps(documents))
    return path
