"""A shortened simulation: half a day of two stacks, with everything that befalls a fortnight, and the bulk build."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fortnight.comparison import summary
from tests.fortnight.run import simulate


@pytest.mark.timeout(3600)
def test_what_is_published_after_half_a_day_of_production_equals_the_bulk_build(tmp_path: Path) -> None:
    outcome = simulate(tmp_path, hours=12, seed=1, tell=print, auth=True)
    assert outcome.slices == 48
    assert outcome.failures > 0
    compact = {"deltas": 1, "fg_a": 1, "pair_counts": 1}
    assert outcome.partitions == {"alpha": compact, "beta": compact}, "the day is over, and LATE has compacted it"
    assert {stack: summary(found) for stack, found in outcome.differences.items()} == {"alpha": [], "beta": []}
    for stack, told in outcome.events.items():
        assert told.is_right, f"{stack}: {told}"
        # Twelve hourly batches at least, of deltas, pair counts and FG-A each.
        assert told.publications >= 3 * 12
