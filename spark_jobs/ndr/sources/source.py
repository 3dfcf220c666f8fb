"""What a source of flows is: how its files are recognised, parsed, and mapped to the integration columns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal, NamedTuple

import pyarrow as pa

from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec

Columns = Mapping[str, pa.Array]
"""The columns of some rows by the name that `Source.fields` or `Source.parse` gives them, in any type."""

HEAD_BYTES: Final = 1 << 16
"""Decompressed bytes of a file by which it is recognised."""


class Field(NamedTuple):
    """A field of JSON objects or of Parquet rows.

    `paths` are its names, the first that a file has: `src_endpoint.ip` is a key of that name, or `ip` in the object
    `src_endpoint`. `type` is what its values are where a file does not tell.
    """

    paths: tuple[str, ...]
    type: Literal["string", "int64", "float64", "bool"] = "string"


class Lines(NamedTuple):
    """Rows of a text: for each null or why it is not a row of the format, the columns, and what gives the lines at some
    positions."""

    problem: pa.Array
    columns: Columns
    texts: Callable[[Iterable[int]], list[str]]


class Rows(NamedTuple):
    """Rows under the integration names, in any type, and for each row null or why it can't be read.

    Besides, `columns` may have `duration` (seconds) in place of `event_end`, and those of
    `ndr.sources.columns.EXTRA_COLUMNS`. `not_flow` is null but where a row is not a flow: then its kind.
    """

    columns: dict[str, pa.Array]
    problem: pa.Array
    not_flow: pa.Array | None = None


@dataclass(frozen=True)
class Sample:
    """The beginning of a file, decompressed: `head` is at most `HEAD_BYTES`, empty where the file is Parquet.

    `names` are the columns of a Parquet file, with those of its structures as `parent.child`; else none.
    """

    path: str
    head: bytes = b""
    names: frozenset[str] = frozenset()

    @cached_property
    def lines(self) -> list[str]:
        """Its first lines that are not blank; the last one may be cut."""
        text = self.head.removeprefix(b"\xef\xbb\xbf").decode(errors="replace")
        return [line for line in text.split("\n") if line.strip()][:20]

    @cached_property
    def record(self) -> dict[str, Any]:
        """The first JSON object in the file, or nothing."""
        text = self.head.removeprefix(b"\xef\xbb\xbf").decode(errors="replace").lstrip(" \t\r\n[")
        if not text.startswith("{"):
            return {}
        try:
            found = json.JSONDecoder().raw_decode(text)[0]
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def has(self, *paths: str) -> bool:
        """Tell whether the first record, or the Parquet file, has all of some fields."""
        return all(path in self.names or _value(self.record, path) is not None for path in paths)


def _value(record: Any, path: str) -> Any:
    if not isinstance(record, dict):
        return None
    if path in record:
        return record[path]
    parent, _, child = path.partition(".")
    return _value(record[parent], child) if child and parent in record else None


@dataclass(frozen=True)
class Source:
    """A log format.

    Parameters
    ----------
    name : str
        As `inputs.source` of the delta_builder JobSpec names it.
    recognise : callable
        Returns how sure it is, in [0, 1], that a file is of this source.
    map : callable
        Turns the columns of some rows into `Rows`.
    fields : callable
        Returns the fields that are read from JSON objects and Parquet rows, by column name. None: its logs are text.
    parse : callable or None
        Splits a block of whole lines, given the header before it. None where the text is JSON.
    header : callable or None
        Returns the header after a block, given the header before it: what the lines of the following blocks need.
    """

    name: str
    recognise: Callable[[Sample], float]
    map: Callable[[Columns, DeltaBuilderSpec], Rows]
    fields: Callable[[DeltaBuilderSpec], Mapping[str, Field]] | None = None
    parse: Callable[[bytes, Any, DeltaBuilderSpec], Lines] | None = None
    header: Callable[[Any, bytes], Any] | None = None

    def fields_of(self, spec: DeltaBuilderSpec) -> Mapping[str, Field]:
        """Return the fields that are read from JSON objects and Parquet rows; none where its logs are text."""
        return self.fields(spec) if self.fields else {}
