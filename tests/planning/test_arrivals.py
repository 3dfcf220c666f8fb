"""Files that arrive and the schedule start the same batches: none is built twice of the same files, none is missed."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.planning.arrivals import Simulation

ORDERS = 1000


@pytest.mark.parametrize("batch_minutes", [15, 60])
def test_in_any_order_each_content_of_a_batch_is_built_once_and_none_is_missed(batch_minutes: int) -> None:
    builds: Counter[int] = Counter()
    for seed in range(ORDERS // 2):
        simulation = Simulation(seed, batch_minutes)
        simulation.run()
        contents = [files for _, files in simulation.built]
        assert len(contents) == len(set(contents)), f"seed {seed}: a batch was built twice of the same files"
        assert contents[-1:] == [simulation.delivered()], f"seed {seed}: files were not built in"
        assert {batch for batch, _ in simulation.built} == {simulation.batch}
        assert set(simulation.states.statuses.values()) == {"SUCCEEDED"}
        assert not simulation.ledger.items, "every claim was released"
        builds[len(contents)] += 1
    assert builds[1] > ORDERS / 5, "as a rule, all files of a batch are waited for"
    assert builds[1] < ORDERS / 2, "some come after it was built"
