"""Numbers of three digits in two bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndr.report.three_digits import NULL, decoded, encoded


@given(st.lists(st.floats(1e-6, 9e24), min_size=1))
def test_number_keeps_three_digits(values: list[float]) -> None:
    assert decoded(encoded(values)) == pytest.approx(np.array(values), rel=0.00501)


@given(st.integers(100, 999), st.integers(-6, 24))
def test_number_of_three_digits_is_itself(digits: int, exponent: int) -> None:
    (code,) = encoded([float(f"{digits}e{exponent - 2}")])
    assert code == 1 + 900 * (exponent + 6) + digits - 100
    assert decoded(np.array([code])) == pytest.approx([float(f"{digits}e{exponent - 2}")])


def test_nothing_small_and_absent_numbers() -> None:
    assert list(encoded([0.0, 1e-9, np.nan, 1e-6])) == [0, 0, NULL, 1]
    assert np.isnan(decoded(np.array([NULL], np.uint16)))[0]
    assert decoded(np.array([0], np.uint16))[0] == 0


@pytest.mark.parametrize("value", [-1.0, 1e25, np.inf])
def test_number_without_a_code_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="from 0 to 10"):
        encoded([1.0, value])
