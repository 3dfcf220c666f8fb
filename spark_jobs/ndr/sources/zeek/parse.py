"""Columns of log text as typed columns, each with the rows where the text is not what it must be.

Every parser takes a column of strings (null where the log has no value) and returns ``(values, problem)``: ``problem``
is null where the value is good and a phrase for the reader where it is not.
"""

import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.time import SECOND_MICROSECONDS
from ndr.net.addresses import canonical_address

Parsed = tuple[pa.Array, pa.Array]


def parse_seconds(text: pa.Array, name: str, required: bool) -> Parsed:
    """Read non-negative decimal seconds as whole microseconds (int64); below 1e11 s, so that int64 holds them."""
    good = _matches(text, r"^[0-9]{1,11}(\.[0-9]*)?$")
    seconds = pc.cast(_only(good, text), pa.float64())
    micros = pc.cast(pc.round(pc.multiply(seconds, SECOND_MICROSECONDS)), pa.int64(), safe=False)
    return micros, _problem(good, text, name, "is not a number of seconds", required)


def parse_count(text: pa.Array, name: str) -> Parsed:
    """Read a count as int64; null where unset."""
    good = _matches(text, r"^[0-9]{1,18}$")
    return pc.cast(_only(good, text), pa.int64()), _problem(good, text, name, "is not a count", required=False)


def parse_port(text: pa.Array, name: str) -> Parsed:
    """Read a port, 0 to 65535, as int64."""
    digits = _matches(text, r"^[0-9]{1,5}$")
    number = pc.cast(_only(digits, text), pa.int64())
    good = pc.fill_null(pc.less_equal(number, 65535), False)
    return _only(good, number), _problem(good, text, name, "is not a port (0 to 65535)", required=True)


def parse_address(text: pa.Array, name: str) -> Parsed:
    """Read an IPv4 or IPv6 address in its canonical text (``2001:DB8::0`` is ``2001:db8::``)."""
    encoded = pc.dictionary_encode(text)
    canonical = pa.array([canonical_address(value) for value in encoded.dictionary.to_pylist()], pa.string())
    values = pc.take(canonical, encoded.indices)
    return values, _problem(pc.is_valid(values), text, name, "is not an IP address", required=True)


def _matches(text: pa.Array, pattern: str) -> pa.Array:
    return pc.fill_null(pc.match_substring_regex(text, pattern), False)


def _only(good: pa.Array, values: pa.Array) -> pa.Array:
    return pc.if_else(good, values, pa.scalar(None, values.type))


def _problem(good: pa.Array, text: pa.Array, name: str, phrase: str, required: bool) -> pa.Array:
    bad = pc.invert(good) if required else pc.and_(pc.invert(good), pc.is_valid(text))
    if not pc.any(bad, min_count=0).as_py():
        return pa.nulls(len(text), pa.string())
    found = pc.binary_join_element_wise(f"{name} '", text, f"' {phrase}", "")
    return pc.if_else(bad, pc.fill_null(found, f"{name} is unset"), pa.scalar(None, pa.string()))
