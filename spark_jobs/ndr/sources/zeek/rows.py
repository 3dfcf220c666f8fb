"""Lines of a log as columns of text: one string column for each field that a flow needs."""

from collections.abc import Mapping
from typing import NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from ndr.sources.zeek.header import Header

FLOW_FIELDS = (
    "ts", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "duration",
    "orig_bytes", "resp_bytes", "conn_state", "orig_ip_bytes", "resp_ip_bytes",
)  # fmt: skip
OPTIONAL_FIELDS = ("orig_ip_bytes", "resp_ip_bytes")


class Lines(NamedTuple):
    """Rows of a log: where each stands in its file (from 1), and its text."""

    number: pa.Array
    text: pa.Array

    def where(self, mask: pa.Array) -> "Lines":
        """Return the lines that a boolean column selects."""
        return Lines(self.number.filter(mask), self.text.filter(mask))


class Fields(NamedTuple):
    """The fields of well-formed lines, and the lines that are not, each with a reason."""

    lines: Lines
    columns: Mapping[str, pa.Array]
    malformed: Lines
    reason: pa.Array


def split_lines(block: bytes, first_line: int) -> Lines:
    """Cut a block into its lines, numbered from `first_line`; empty lines are not rows."""
    # Zeek escapes what is not UTF-8; a line that holds such bytes all the same must stay readable in the rejects.
    text = block.decode("utf-8", errors="backslashreplace")
    lines = pc.split_pattern(pa.array([text], pa.large_string()), "\n").flatten().cast(pa.string())
    if "\r" in text:
        lines = pc.utf8_rtrim(lines, "\r")
    numbers = pa.array(range(first_line, first_line + len(lines)), pa.int64())
    filled = pc.not_equal(lines, "")
    return Lines(numbers.filter(filled), lines.filter(filled))


def tsv_fields(lines: Lines, header: Header) -> Fields:
    """Split TSV rows as their header says; a row with another number of fields is malformed."""
    values = pc.split_pattern(lines.text, header.separator)
    width = pc.list_value_length(values)
    whole = pc.equal(width, len(header.fields))
    values = values.filter(whole)
    columns = {}
    for name in FLOW_FIELDS:
        if name in header.fields:
            column = pc.list_element(values, header.fields.index(name))
            is_set = pc.not_equal(column, header.unset_field)
            columns[name] = pc.if_else(is_set, column, pa.scalar(None, pa.string()))
        else:
            columns[name] = pa.nulls(len(values), pa.string())
    found = pc.cast(width.filter(pc.invert(whole)), pa.string())
    reason = pc.binary_join_element_wise(found, f"fields where #fields names {len(header.fields)}", " ")
    return Fields(lines.where(whole), columns, lines.where(pc.invert(whole)), reason)


def json_fields(lines: Lines) -> Fields:
    """Read JSON rows; a field that is absent or null is unset, and times may be any of Zeek's three JSON forms."""
    with duckdb.connect() as connection:
        connection.register("lines", pa.table({"number": lines.number, "text": lines.text}))
        selected = ", ".join(f"""json_extract_string(text, '$."{name}"') AS "{name}\"""" for name in FLOW_FIELDS)
        table = connection.sql(
            f"""
            WITH valid AS (SELECT * FROM lines WHERE json_valid(text) AND json_type(text) = 'OBJECT'),
            fields AS (SELECT number, {selected} FROM valid)
            SELECT * REPLACE (CASE
                WHEN regexp_full_match(ts, '[0-9]{{13}}') THEN (ts::BIGINT / 1000)::VARCHAR
                ELSE coalesce((epoch_us(TRY_CAST(ts AS TIMESTAMP)) / 1e6)::VARCHAR, ts) END AS ts)
            FROM fields ORDER BY number
            """  # noqa: S608  (the names are this module's own constants)
        ).to_arrow_table()
    whole = pc.is_in(lines.number, value_set=table["number"].combine_chunks())
    malformed = lines.where(pc.invert(whole))
    reason = pa.array(["not a JSON object"] * len(malformed.number), pa.string())
    columns = {name: table[name].combine_chunks().cast(pa.string()) for name in FLOW_FIELDS}
    return Fields(lines.where(whole), columns, malformed, reason)
