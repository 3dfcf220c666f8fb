"""Lines that are split at once, against the same lines split one field after another."""

from hypothesis import given
from hypothesis import strategies as st

from ndr.sources.delimited import TextLines, columns_of
from ndr.sources.even_lines import even_columns

PLACES = {"first": 0, "third": 2, "again": 2, "beyond": 6}
FIELDS = st.text('a0-" \t\\#é\x00', max_size=4)
LINES = st.integers(2, 5).flatmap(lambda width: st.lists(st.lists(FIELDS, min_size=width, max_size=width), max_size=8))


@given(LINES, st.sampled_from([None, "-", "", "a0"]), st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_columns_are_those_of_lines_split_by_their_separators(
    rows: list[list[str]], unset: str | None, end: str
) -> None:
    block = "".join(",".join(fields) + end for fields in rows).encode()
    width, columns = TextLines(block).columns(",", PLACES, unset)
    fields = TextLines(block).split(",")
    assert width.tolist() == fields.width.tolist()
    assert {name: column.to_pylist() for name, column in columns.items()} == {
        name: column.to_pylist() for name, column in columns_of(fields, PLACES, unset).items()
    }


def test_lines_that_arrow_would_split_otherwise_are_left() -> None:
    even = even_columns(b'a,"b\nc,d\n', ",", [1])
    assert even is not None
    assert even[2][1].to_pylist() == ['"b', "d"]
    for text in (b"a,b\nc\n", b"a,b\rc,d\n", b"\xef\xbb\xbfa,b\n", b"a\n", b"", b"a,b," + b"c" * (1 << 19) + b"\n"):
        assert even_columns(text, ",", [0]) is None, text[:20]
