"""Windows of bytes against the same done one by one."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndr.sources.windows import Windows

ODD = [
    "",
    "0",
    "00",
    "01",
    "1a",
    "a1",
    "-1",
    "+1",
    "1:",
    "1/",
    "1.0",
    "9" * 18,
    "1" + "0" * 18,
    "12345678x",
    "x12345678",
]
NUMBERS = st.one_of(st.integers(0, 10**20).map(str), st.sampled_from(ODD), st.text("0123456789:/x\xff", max_size=20))


@given(st.lists(NUMBERS, min_size=1, max_size=40))
def test_numbers_are_those_that_python_reads(words: list[str]) -> None:
    letters = np.frombuffer(",".join(words).encode("latin1"), np.uint8)
    length = np.array([len(word) for word in words])
    begins = np.cumsum(length + 1) - length - 1
    found = Windows(letters).numbers(begins, begins + length)
    valid = [re.fullmatch(r"0|[1-9][0-9]{0,17}", word) is not None for word in words]
    assert found.valid.tolist() == valid
    expected = [int(word) for word, is_valid in zip(words, valid, strict=True) if is_valid]
    assert found.values[found.valid].tolist() == expected


@pytest.mark.parametrize("length", [1, 7, 8, 9, 31, 32, 33, 70])
def test_a_text_is_found_where_it_stands(length: int) -> None:
    text = bytes(range(48, 48 + length))
    whole = b"".join([text, b" ", text[:-1], b"!", text, text])
    found = Windows(np.frombuffer(whole, np.uint8)).match(np.arange(len(whole) + 1), text)
    assert found.tolist() == [whole.startswith(text, place) for place in range(len(whole) + 1)]
