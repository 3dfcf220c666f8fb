"""Which events the machine sends next."""

from __future__ import annotations

from datetime import UTC, datetime

from events import SendEvents

from ndr.planner.commits import Commits
from ndr.planner.services import Services
from ndr.planner.waiting_events import WaitingEvent, forget_events, give_back_events, take_events


def next_events(services: Services, asked: SendEvents) -> list[WaitingEvent]:
    """Note what became of the events that were taken before, and take the next; none after a failure."""
    named = {"project_name": asked.project_name, "feature_spec_version": asked.feature_spec_version}
    given = {**services.defaults, **{name: value for name, value in named.items() if value is not None}}
    project = (given["project_name"], given["feature_spec_version"])
    forget_events(services.ledger, project, asked.execution, asked.sent)
    give_back_events(services.ledger, project, asked.execution, asked.unsent)
    if asked.failure is not None:
        return []
    commits = Commits(services.s3, services.sagemaker)
    return take_events(services.ledger, services.states, commits, project, asked.execution, datetime.now(UTC))
