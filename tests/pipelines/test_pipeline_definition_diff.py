"""The comparison of definitions by content, and a readable difference of bounded size."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ndr.pipeline.bundle.digest import canonical_definition, definition_digest
from ndr.pipeline.registry.difference import DIFF_LINE_LIMIT, DIFF_LINE_WIDTH, definition_diff

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=3), children, max_size=3),
    max_leaves=12,
)


@given(value=JSON_VALUES, indent=st.sampled_from([None, 1, 4]))
def test_how_json_is_written_does_not_matter(value: Any, indent: int | None) -> None:
    written = json.dumps(value, indent=indent, sort_keys=indent == 4)
    assert canonical_definition(written) == canonical_definition(json.dumps(value))
    assert definition_diff(written, json.dumps(value)) == ""
    assert json.loads(canonical_definition(written)) == value


def test_the_order_of_steps_matters_and_that_of_keys_does_not() -> None:
    assert definition_digest('{"a": 1, "b": [1, 2]}') == definition_digest('{"b": [1, 2], "a": 1}')
    assert definition_digest('{"b": [1, 2]}') != definition_digest('{"b": [2, 1]}')


def test_a_difference_shows_the_lines_before_and_after() -> None:
    assert definition_diff('{"Name": "x", "Count": 1}', '{"Name": "x", "Count": 2}').splitlines() == [
        "--- registered",
        "+++ built",
        "@@ -1,4 +1,4 @@",
        " {",
        '-  "Count": 1,',
        '+  "Count": 2,',
        '   "Name": "x"',
        " }",
    ]


def test_nothing_registered_is_a_difference_of_additions_only() -> None:
    lines = definition_diff(None, '{"a": 1}').splitlines()
    assert lines[3:] == ["+{", '+  "a": 1', "+}"]


def test_a_difference_is_bounded_and_counts_the_cut_lines() -> None:
    built = json.dumps([str(number) + "x" * 1000 for number in range(1000)])
    lines = definition_diff(None, built).splitlines()
    # 3 header lines, 2 brackets, 1000 values
    assert lines[-1] == f"… {1005 - DIFF_LINE_LIMIT} more lines"
    assert len(lines) == DIFF_LINE_LIMIT + 1
    assert max(map(len, lines)) == DIFF_LINE_WIDTH
    assert lines[4].startswith('+  "0xxx')
    assert lines[4].endswith("x…")
