from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from ndr.spark.parts import balanced, parts_by_text, runs


@given(st.dictionaries(st.integers(), st.integers(1, 1000), max_size=60), st.integers(1, 12))
def test_no_part_is_heavier_than_dealing_by_size_allows(weights: dict[int, int], parts: int) -> None:
    dealt = balanced(weights, parts)
    assert dealt.keys() == weights.keys()
    loads = [sum(weights[key] for key, part in dealt.items() if part == number) for number in range(parts)]
    assert sum(loads) == sum(weights.values())
    # No dealing can beat the mean or the heaviest key; a part that is above both took its last key as the lightest one.
    mean, heaviest = sum(loads) / parts, max(weights.values(), default=0)
    assert max(loads) <= mean + heaviest


def test_a_segment_a_hundred_times_larger_keeps_every_core_busy() -> None:
    """Ten segments of 20 groups each, one of them a hundred times larger: no part has more than its share and a bit."""
    weights = {(f"10.0.{segment}.0/24", group): 100 for segment in range(9) for group in range(20)}
    weights |= {("10.1.0.0/16", group): 10_000 for group in range(20)}
    dealt = balanced(weights, 8)
    loads = np.zeros(8, int)
    for key, part in dealt.items():
        loads[part] += weights[key]
    assert loads.sum() == 218_000
    assert loads.max() == 30_000, "20 large groups over 8 parts: at most 3 in one"
    assert loads.min() >= 20_000


@given(st.lists(st.text(max_size=8)), st.integers(1, 50))
def test_equal_texts_come_to_one_part(texts: list[str], parts: int) -> None:
    column = pa.chunked_array([pa.array(texts, pa.string()), pa.array(texts[::-1], pa.string())])
    found = parts_by_text(column, parts)
    assert len(found) == 2 * len(texts)
    assert all(0 <= part < parts for part in found)
    by_text = dict(zip(texts, found.tolist(), strict=False))
    assert [by_text[text] for text in column.to_pylist()] == found.tolist()
    assert parts_by_text(column.dictionary_encode(), parts).tolist() == found.tolist()


def test_the_part_of_a_text_is_the_same_in_every_process() -> None:
    texts = [f"10.0.{number}.1" for number in range(50)]
    code = (
        "import pyarrow as pa; from ndr.spark.parts import parts_by_text; "
        f"print(parts_by_text(pa.chunked_array([{texts!r}]), 7).tolist())"
    )
    path = ":".join(entry for entry in sys.path if entry)
    said = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": path, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    ]
    here = str(parts_by_text(pa.chunked_array([texts]), 7).tolist())
    assert said == [here, here]
    assert len(set(here)) > 3


@given(st.lists(st.integers(0, 30), max_size=40), st.integers(0, 100))
def test_runs_follow_one_another_and_none_is_too_large_unless_it_is_one(rows: list[int], largest: int) -> None:
    cut = runs(rows, largest)
    assert [place for run in cut for place in run] == list(range(len(rows)))
    for run in cut:
        counts = [rows[place] for place in run if rows[place]]
        assert sum(counts) <= largest or len(counts) == 1
