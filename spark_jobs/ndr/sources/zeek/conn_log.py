"""A Zeek conn log, block by block, as flows and rejected rows."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.errors import SchemaMismatchError
from ndr.sources.zeek.flows import to_flows
from ndr.sources.zeek.header import Header
from ndr.sources.zeek.integration import REJECTED_SCHEMA
from ndr.sources.zeek.rows import FLOW_FIELDS, OPTIONAL_FIELDS, Fields, Lines, json_fields, split_lines, tsv_fields
from ndr.sources.zeek.text import BLOCK_BYTES, read_blocks


class ConnRows(NamedTuple):
    """A block of a log: `flows` (integration schema) and `rejected` (file, line, reason, text).

    Every row of the block is in exactly one of the two.
    """

    flows: pa.Table
    rejected: pa.Table


def read_conn_log(path: Path | str, block_bytes: int = BLOCK_BYTES) -> Iterator[ConnRows]:
    """Read a Zeek conn log: TSV with ``#`` headers or JSON lines, gzip or plain.

    Fields may stand in any order and others beside them; header blocks may follow one another in a file. Rows come in
    the order of the file.

    Parameters
    ----------
    path : Path or str
        The log.
    block_bytes : int
        Decompressed bytes held at a time.

    Yields
    ------
    ConnRows
        The flows and the rejected rows of one run of lines under one header.

    Raises
    ------
    InvalidRequestError
        The file is missing, unreadable, truncated or damaged.
    SchemaMismatchError
        The file is not a conn log: it has rows before any ``#fields`` line, or lacks a field that a flow needs.
    """
    path = Path(path)
    header, line, is_json = Header(), 1, False
    for block in read_blocks(path, block_bytes):
        position = 0
        while position < len(block):
            if block.startswith(b"#", position):
                end = _after(block, b"\n", position)
                header = header.after(block[position:end].decode("utf-8", errors="backslashreplace").rstrip("\r\n"))
            else:
                end = _after(block, b"\n#", position, keep=1)
                lines = split_lines(block[position:end], line)
                if len(lines.number):
                    is_json = is_json or (not header.fields and lines.text[0].as_py().lstrip().startswith("{"))
                    yield _conn_rows(path, json_fields(lines) if is_json else _tsv_fields(path, lines, header))
            line += block.count(b"\n", position, end)
            position = end


def _after(block: bytes, mark: bytes, position: int, keep: int = 0) -> int:
    found = block.find(mark, position)
    return len(block) if found < 0 else found + len(mark) - keep


def _tsv_fields(path: Path, lines: Lines, header: Header) -> Fields:
    if not header.fields:
        raise SchemaMismatchError(
            f"{path} is not a Zeek log: line {lines.number[0].as_py()} is a row, and no #fields line is above it. "
            "Give conn logs as Zeek writes them (TSV with its # header, or JSON lines)."
        )
    missing = [name for name in FLOW_FIELDS if name not in header.fields and name not in OPTIONAL_FIELDS]
    if missing:
        raise SchemaMismatchError(
            f"{path} is not a Zeek conn log: its #fields (#path {header.path or 'unset'}) lack {', '.join(missing)}. "
            "Give conn logs only, for instance conn.*.log.gz."
        )
    return tsv_fields(lines, header)


def _conn_rows(path: Path, fields: Fields) -> ConnRows:
    flows = to_flows(fields.columns)
    unreadable = pc.is_valid(flows.reason)
    bad = fields.lines.where(unreadable)
    rejected = pa.table(
        {
            "file": pa.repeat(str(path), len(bad.number) + len(fields.malformed.number)),
            "line": pa.concat_arrays([bad.number, fields.malformed.number]),
            "reason": pa.concat_arrays([flows.reason.filter(unreadable), fields.reason]),
            "text": pa.concat_arrays([bad.text, fields.malformed.text]),
        },
        schema=REJECTED_SCHEMA,
    )
    return ConnRows(flows.table, rejected.sort_by("line"))
