"""What a registration asks of the store does not grow with the commits before it."""

from __future__ import annotations

from pathlib import Path

from benchmarks.tables_year import Cost, register_slices

COMMITS = 290  # three days, each of which is swept
SHARE = 90


def _mean(costs: list[Cost], name: str) -> float:
    return sum(getattr(cost, name) for cost in costs) / len(costs)


def test_the_last_registrations_ask_no_more_than_three_times_what_the_first_do(tmp_path: Path) -> None:
    costs = list(register_slices(tmp_path, COMMITS, is_compacted=False))

    first, last = costs[:SHARE], costs[-SHARE:]
    assert _mean(last, "requests") <= 1.2 * _mean(first, "requests")
    assert _mean(last, "bytes") <= 3 * _mean(first, "bytes")
    # Swept after each day: what a day leaves, and not what all days do.
    assert len(list((tmp_path / "pair_counts" / "_tables").rglob("*.avro"))) < 3 * SHARE
