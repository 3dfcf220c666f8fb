"""Numbers of three significant digits in two bytes each, as the findings' sentences round them."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

NULL: Final = 0xFFFF
"""The code of a value that is absent."""
_SMALLEST: Final = -6
"""The exponent of the smallest code: a value below 0.5e-6 is 0."""
_LARGEST: Final = 24
_MANTISSAS: Final = 900
"""Of three digits: 100 to 999."""


def encoded(values: Any) -> NDArray[np.uint16]:
    """Return the codes of numbers that are 0 or above; a NaN is absent.

    Parameters
    ----------
    values : array_like of float, any shape

    Returns
    -------
    uint16, same shape
        0 is 0; otherwise `1 + 900 (e + 6) + m - 100` for the value `m 10^(e - 2)`, with m from 100 to 999.

    Raises
    ------
    ValueError
        A number is negative, or 10^25 or more.
    """
    given = np.asarray(values, np.float64)
    known = ~np.isnan(given)
    if np.any(given[known] < 0) or np.any(given[known] >= 10.0 ** (_LARGEST + 1)):
        raise ValueError("three digits hold numbers from 0 to 10^25 only")
    exponent = np.floor(np.log10(np.maximum(given, 10.0**_SMALLEST, where=known, out=np.ones_like(given))))
    mantissa = _mantissas(given, exponent, known)
    # The logarithm of a number just below a power of ten may round up, and so may the digits.
    exponent = np.where(mantissa >= 1000, exponent + 1, np.where(mantissa < 100, exponent - 1, exponent))
    mantissa = np.clip(_mantissas(given, exponent, known), 100, 999)
    codes = 1 + (exponent - _SMALLEST) * _MANTISSAS + mantissa - 100
    is_zero = known & (given < 0.5 * 10.0**_SMALLEST)
    return np.where(known, np.where(is_zero, 0, np.maximum(codes, 1)), NULL).astype(np.uint16)


def decoded(codes: NDArray[np.uint16]) -> NDArray[np.float64]:
    """Return the numbers of codes; the script of the page does the same."""
    exponent, mantissa = np.divmod(codes.astype(np.int64) - 1, _MANTISSAS)
    values = (mantissa + 100) * 10.0 ** (exponent + _SMALLEST - 2.0)
    return np.where(codes == NULL, np.nan, np.where(codes == 0, 0.0, values))


def _mantissas(values: NDArray[np.float64], exponent: NDArray[np.float64], known: NDArray[np.bool_]) -> Any:
    return np.where(known, np.round(np.where(known, values, 1.0) / 10.0 ** (exponent - 2)), 100)
