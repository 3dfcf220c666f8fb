"""The simulation: events at their times, the account's clock advanced from one to the next."""

from __future__ import annotations

import heapq
import itertools
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ministack_sagemaker.clock_control import ClockControl
from ndr.contract.time import DAY, format_instant
from tests.fortnight.deliveries import HOUR, MINUTE, Delivery
from tests.fortnight.plan import Event, Plan, Start, Upgrade, batch
from tests.fortnight.stack import Stack

STEP: Final = 2 * MINUTE
"""The clock is set forward by whole steps: what is due in one of them is done together."""


@dataclass
class Simulation:
    """Stacks of one account in the course of a plan's events.

    Attributes
    ----------
    stacks
        By name.
    clock
        The account's.
    upgrade
        Deploys the new release.
    tell
        Called with a line about the progress.
    """

    plan: Plan
    stacks: Mapping[str, Stack]
    clock: ClockControl
    upgrade: Callable[[], None]
    tell: Callable[[str], None]
    now: datetime = field(init=False)
    failed: list[str] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.now = self.plan.traffic.start
        self._events: list[tuple[datetime, int, Event]] = []
        self._numbers = itertools.count()
        self._running: dict[str, Start] = {}
        self._draw = random.Random(f"operators {self.plan.seed}")
        for at, event in self.plan.events():
            self._at(at, event)

    def run(self) -> None:
        """Let everything of the plan happen, and end."""
        day = self.now
        while self._step():
            if self.now >= day:
                self.tell(f"{format_instant(self.now)}: {len(self._running)} executions run, {len(self.failed)} failed")
                day = self.now + DAY / 4

    def settle_everything(self) -> None:
        """Run what people run at the end: one more mini-batch, what is late, the baselines that are stale or failed."""
        whole = self.plan.traffic.interval
        late = {"mode": "LATE", "start": format_instant(whole.start)}
        backfill = {
            "mode": "BACKFILL",
            "start": format_instant(whole.start + DAY),
            "end": format_instant(whole.end + DAY),
        }
        self.now = max(self.now, whole.end + 26 * HOUR)
        self.clock.advance(self.now)
        for machine, request in (("mini_batch", batch(self.plan.traffic.slices[-1])), *(2 * [("baselines", late)])):
            self._run_everywhere(machine, request)
        self._run_everywhere("baselines", backfill)

    def _run_everywhere(self, machine: Any, request: dict[str, Any]) -> None:
        for stack in self.stacks:
            self._start(Start(stack, machine, request))
        while self._step():
            pass

    def _step(self) -> bool:
        """Go on to the next time at which something happens; return False when nothing will."""
        due = self.clock.settle()
        self._look()
        times = [each for each in (due, self._events[0][0] if self._events else None) if each]
        if not times:
            return False
        self.now = max(self.now, min(times) + (self.plan.traffic.start - min(times)) % STEP)
        self.clock.advance(self.now)
        while self._events and self._events[0][0] <= self.now:
            self._happen(heapq.heappop(self._events)[2])
        return True

    def _happen(self, event: Event) -> None:
        if isinstance(event, Delivery):
            for stack in self.stacks.values():
                stack.put(event)
        elif isinstance(event, Start):
            self._start(event)
        elif isinstance(event, Upgrade):
            self.tell(f"{format_instant(self.now)}: upgrade, with {len(self._running)} executions under way")
            self.upgrade()

    def _start(self, start: Start) -> None:
        self._running[self.stacks[start.stack].start(start.machine, start.request)] = start

    def _look(self) -> None:
        """Look which executions have ended; somebody runs some of the failed mini-batches again."""
        for arn, start in list(self._running.items()):
            states = self.stacks[start.stack].client("stepfunctions")
            described = states.describe_execution(executionArn=arn)
            if described["status"] == "RUNNING":
                continue
            del self._running[arn]
            if described["status"] != "SUCCEEDED":
                self.failed.append(f"{start.stack} {start.machine} {json.dumps(start.request)} "
                                   f"{described.get('error')}: {described.get('cause', '')[:400]}")  # fmt: skip
                if self._is_run_again(start):
                    self._at(self.now + self._draw.uniform(0.5, 5) * HOUR, start)

    def _is_run_again(self, start: Start) -> bool:
        """Tell whether somebody runs a failed request again: the inventory's, and half of those for a batch by name."""
        if start.request.get("inventory"):
            return True
        return "batch_start" in start.request and self._draw.random() < 0.5

    def _at(self, time: datetime, event: Event) -> None:
        heapq.heappush(self._events, (time, next(self._numbers), event))
