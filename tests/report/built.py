"""A small project on disk whose report can be counted: a week, a scored hour, rows that can't be used."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.jobs.job_chain import Project, random_flows

from ndr.contract.jobspecs import JobSpecs, check_jobspecs, parse_jobspec
from ndr.contract.time import DAY, Interval
from ndr.jobs.fg_b.targets import Target

FIRST = datetime(2026, 1, 10, tzinfo=UTC)
LEARNT = Interval(FIRST, FIRST + 7 * DAY)
SCORED = Interval(LEARNT.end, LEARNT.end + timedelta(hours=1))
REPORTED = Interval(SCORED.end - DAY, SCORED.end)
"""The 24 hours that the pages of the hosts show."""
WRONG = [{"source_ip": "nowhere"}, {"source_ip": "nowhere"}, {"destination_port": 70000}]
"""What is wrong with the rows that can't be used."""
NAME = "</script><img src=x onerror=document.title='taken'>"
"""The name of a machine, as somebody may set it."""
METRICS = ("sessions_cnt", "bytes_sent_sum", "peer_ip_nunique")
CHANGES: dict[str, dict[str, Any]] = {
    "fg_a_builder": {"windows": ["15m", "1h"]},
    "fg_b_builder": {"min_coverage": 0, "support_min": {"1h": 2}},
    "fg_c_builder": {"windows": ["1h"], "metrics": list(METRICS), "calibration": {"days": 1, "min_scores": 10}},
}


def built_project(root: Path) -> Project:
    """Publish the project."""
    project = Project(root / "v1", CHANGES)
    flows = random_flows(SCORED, 120, seed=2)
    project.deliver(LEARNT, random_flows(LEARNT, 3000, seed=1))
    calls = [call for number in range(3) for call in _calls(flows[0], f"198.51.100.{number}", every=4 + number)]
    project.deliver(SCORED, [*flows, *calls, *({**flows[0], **wrong} for wrong in WRONG)])
    project.inventory("2026-01", {"10.0.1.1": NAME})
    project.fifteen_minute_steps(LEARNT)
    project.baselines([Target(LEARNT.end, "7d")])
    project.fifteen_minute_steps(SCORED)
    project.fg_c(LEARNT)
    project.fg_c(SCORED)
    return project


def _calls(flow: dict[str, Any], destination: str, every: int) -> list[dict[str, Any]]:
    """Flows to a new destination every so many minutes of the scored hour."""
    starts = [SCORED.start.timestamp() + 60 * minute for minute in range(0, 60, every)]
    pair = {"source_ip": "10.0.1.1", "destination_ip": destination, "destination_port": 443, "source_bytes": 10**6}
    return [{**flow, **pair, "event_start": start, "event_end": start + 1} for start in starts]


def jobspecs_of(project: Project) -> JobSpecs:
    """The checked set of a project."""
    return check_jobspecs(parse_jobspec(item) for item in project.table.items.values())
