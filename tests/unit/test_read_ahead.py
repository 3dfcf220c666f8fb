"""Reading ahead: results come in order, what is fetched stays bounded, and an error ends the reading."""

from __future__ import annotations

from threading import Event

import pyarrow as pa
import pytest

from ndr.store.read_ahead import BUNDLES_AHEAD, FETCHED_AHEAD, REQUESTS, Fetched, fetch_ahead, read_ahead


def test_a_bundle_is_one_chunk_with_one_dictionary_in_the_order_given() -> None:
    second_was_fetched = Event()

    def fetch(number: int) -> Fetched:
        if number == 0:
            assert second_was_fetched.wait(10)
        else:
            second_was_fetched.set()
        words = pa.array([f"word {number}", "both"]).dictionary_encode()
        return lambda: pa.table({"word": words} if number else {"word": words, "first": pa.array([1, 2])})

    (bundle,) = read_ahead([[0, 1]], fetch)
    assert bundle["word"].to_pylist() == ["word 0", "both", "word 1", "both"]
    assert bundle["first"].to_pylist() == [1, 2, None, None]
    assert [column.num_chunks for column in bundle.columns] == [1, 1]
    assert sorted(bundle["word"].chunk(0).dictionary.to_pylist()) == ["both", "word 0", "word 1"]


def test_no_more_bundles_are_fetched_than_are_held() -> None:
    asked: list[int] = []

    def bundles() -> object:
        for number in range(100):
            asked.append(number)
            yield [number]

    tables = read_ahead(bundles(), lambda number: lambda: pa.table({"number": [number]}))  # type: ignore[arg-type]
    assert next(tables)["number"].to_pylist() == [0]
    assert asked == list(range(BUNDLES_AHEAD + 1))
    assert [table["number"][0].as_py() for table in tables] == list(range(1, 100))


@pytest.mark.parametrize("is_parsing", [False, True])
def test_an_error_ends_the_reading(is_parsing: bool) -> None:
    asked: list[int] = []

    def fetch(number: int) -> Fetched:
        asked.append(number)

        def parse() -> pa.Table:
            if number == 1:
                raise ValueError("not Parquet")
            return pa.table({"number": [number]})

        return parse if is_parsing or number != 1 else parse()  # type: ignore[return-value]

    with pytest.raises(ValueError, match="not Parquet"):
        list(read_ahead([[number] for number in range(100)], fetch))
    assert len(asked) <= 1 + BUNDLES_AHEAD + 1


def test_what_is_fetched_ahead_comes_in_order_and_is_bounded() -> None:
    asked: list[int] = []
    held = fetch_ahead(range(3 * FETCHED_AHEAD), lambda number: asked.append(number) or number)
    assert next(held) == 0
    assert len(asked) <= FETCHED_AHEAD
    assert list(held) == list(range(1, 3 * FETCHED_AHEAD))


def test_many_are_fetched_at_once() -> None:
    all_begun, begun = Event(), []

    def fetch(number: int) -> bool:
        begun.append(number)
        if len(begun) == REQUESTS:
            all_begun.set()
        return all_begun.wait(10)

    assert all(fetch_ahead(range(REQUESTS), fetch))
