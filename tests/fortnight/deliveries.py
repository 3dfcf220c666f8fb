"""What is delivered when: each slice's rows on time, in parts, late, with the next slice's, or replaced afterwards."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ndr.contract.time import SLICE, Interval, mini_batch_id
from tests.fortnight.traffic import Row, Traffic

MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True)
class Delivery:
    """A file that is put below the integration prefix at a time. What was there under its name is replaced."""

    at: datetime
    batch: Interval
    name: str
    rows: tuple[Row, ...]

    @property
    def key(self) -> str:
        return f"{mini_batch_id(self.batch)}/{self.name}"


def deliveries(traffic: Traffic, seed: int) -> list[Delivery]:
    """Return the deliveries of the traffic in the order of their times: every row is delivered in the end, once."""
    draw = random.Random(f"deliveries {seed}")
    found: list[Delivery] = []
    brought: dict[Interval, list[Row]] = defaultdict(list)  # by the slice in whose file they come
    for number, each in enumerate(traffic.slices):
        rows, on_time = traffic.rows(each), each.end + draw.uniform(0, 1) * MINUTE
        following = traffic.slices[number + 1] if number + 1 < len(traffic.slices) else None
        kind = draw.random()
        own = (*brought.pop(each, []), *rows)
        if kind < 0.03:  # all of it hours late
            found.append(Delivery(on_time + draw.uniform(1, 6) * HOUR, each, "part-0.json", own))
        elif kind < 0.07:  # a second file after the slice was built
            found.append(Delivery(on_time, each, "part-0.json", own[:-3]))
            found.append(Delivery(on_time + draw.uniform(0.5, 30) * HOUR, each, "part-1.json", own[-3:]))
        elif kind < 0.10:  # the file again, complete now
            found.append(Delivery(on_time, each, "part-0.json", own[:-2]))
            found.append(Delivery(on_time + draw.uniform(0.1, 8) * HOUR, each, "part-0.json", own))
        elif kind < 0.14 and following:  # its last rows come with the next slice's
            found.append(Delivery(on_time, each, "part-0.json", own[:-2]))
            brought[following] += own[-2:]
        else:
            found.append(Delivery(on_time, each, "part-0.json", own))
    end = traffic.interval.end + SLICE
    return sorted((_until(end, each) for each in found), key=lambda each: (each.at, each.key))


def _until(end: datetime, delivery: Delivery) -> Delivery:
    """Let nothing come after the traffic's end, when everything is to be there."""
    return Delivery(min(delivery.at, end), delivery.batch, delivery.name, delivery.rows)
