"""JSON lines read by their shapes say what each says alone."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ndr.sources.json_lines import lines_of, parse_block
from ndr.sources.json_shapes import by_shape
from ndr.sources.source import Field

FIELDS = {
    "host": Field(("src.ip", "host")), "port": Field(("port",), "int64"), "ts": Field(("ts",), "float64"),
    "copy": Field(("copy",), "bool"), "end": Field(("end.x",)), "absent": Field(("absent",), "int64"),
}  # fmt: skip
NUMBER = re.compile(r"-?[0-9]+\.?[0-9]*(e\+?[0-9]+)?")
RECORDS: list[dict[str, Any]] = [
    {"ts": 1769839384.25, "src": {"ip": "10.0.0.1", "n": 3}, "port": 443, "copy": False, "tags": ["a", {"b": "c"}]},
    {"ts": 1769839384, "src": {"ip": "10.0.0.2", "n": -3.5e2}, "port": None, "copy": True, "note": "Zürich"},
    {"host": "10.0.0.3", "ts": "1769839384", "port": "80", "end": {}},
    {"host": None, "ts": None, "port": 5, "end": {"x": {"y": 1}}},
    {"src": "10.0.0.4", "port": [1, 2], "ts": 3},
]
VALUES = (*("1", "01", "1.", "-1", "1e3", "null", "true", "tru", "{}", "[]", "[1, 2]", "12345678901234567890"),
          *('""', '"x"', '"x', '"\\u00e9"', '"\\""', '"a\tb"', " 7 ", "7}, {", '7, "port": 8'))  # fmt: skip


@cache
def one_by_one(line: bytes) -> tuple[dict[str, str | None], bool]:
    """Return what a line says alone, by the parser of lines, and whether it can't be read."""
    (run,) = parse_block(line, FIELDS)
    return {name: as_text(column)[0] for name, column in run.columns.items()}, run.problem[0].is_valid


def as_text(column: pa.Array) -> list[str | None]:
    """Return values as text; a number in one spelling."""
    found = pc.cast(column, pa.string()).to_pylist()
    return [repr(float(each)) if each and NUMBER.fullmatch(each) else each for each in found]


def assert_same(lines: list[bytes]) -> None:
    """Check that a block says of each line what the line says alone."""
    runs = parse_block(b"\n".join(lines), FIELDS)
    together = [
        (dict(zip(FIELDS, values, strict=True)), problem.is_valid)
        for run in runs
        for *values, problem in zip(*(as_text(run.columns[name]) for name in FIELDS), run.problem, strict=True)
    ]
    alone = [one_by_one(line) for line in lines if line.strip()]
    assert [each for each in together if not each[1]] == [each for each in alone if not each[1]]
    assert [bad for _, bad in together] == [bad for _, bad in alone]


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("record", RECORDS[:3])
def test_each_value_means_what_it_does_alone(record: dict[str, Any], value: str) -> None:
    for name in record:
        odd = json.dumps(record | {name: "@"}, ensure_ascii=False).replace('"@"', value).encode()
        good = json.dumps(record, ensure_ascii=False).encode()
        assert_same([*[good] * 30, odd, *[odd, good] * 10])


lines = st.builds(
    lambda record, place, cut, insert: (
        (text := json.dumps(record, ensure_ascii=False).encode())
        and text[: place % len(text)] + insert + text[place % len(text) + cut :]
    ),
    st.sampled_from(RECORDS),
    st.integers(0, 200),
    st.integers(0, 2),
    st.sampled_from(
        [b"", b"", b"", b'"', b",", b"}", b"{", b"[", b"\\", b"\t", b"\r", b" ", b"0", b"\xff", b"\n", b":"]
    ),
)


@settings(max_examples=40)
@given(st.lists(lines, min_size=1, max_size=12))
def test_a_line_means_the_same_among_others(odd: list[bytes]) -> None:
    good = [json.dumps(record, ensure_ascii=False).encode() for record in RECORDS[:2] for _ in range(30)]
    assert_same([each for pair in zip(good, [*odd, *good], strict=False) for one in pair for each in one.split(b"\n")])


def test_shapes_that_take_turns_are_all_found() -> None:
    block = b"".join(
        json.dumps(record, ensure_ascii=False).encode() + b"\n" for _ in range(50) for record in RECORDS[:2]
    )
    shapes = by_shape(block, FIELDS)
    assert shapes is not None
    assert [len(alike.lines) for alike in shapes.found] == [50, 50]
    assert len(lines_of(block)) == 100


@pytest.mark.parametrize(
    "odd",
    [
        ('{"host": "1"0", "port": 443}', '{"host": 10", "port": 443}'),
        ('{"host": "1""0", "port": 443}', '{"host": 10, "port": 443}'),
        ('{"host": "1,0", "port": 443}', '{"host": "10" "port": 443}'),
        ('{"host": "1,0", "port": 443}', '{"host": "10"}'),
        ('{"host": "10", "port": 443}', '{"port": 443, "host": "10"}'),
        ('{"host": "10", "port": 443}', '{"host": "10", "port": "443}'),
    ],
)
def test_quotes_and_commas_of_one_line_do_not_stand_in_for_those_of_another(odd: tuple[str, str]) -> None:
    good = b'{"host": "10.0.0.1", "port": 443}'
    assert_same([*[good] * 40, *(line.encode() for line in odd), good])
