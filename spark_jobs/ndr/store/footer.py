"""What a Parquet file says of itself against what the manifest says of it."""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from ndr.contract.errors import SchemaMismatchError
from ndr.store.schema import plain_schema


class PublishedFile(NamedTuple):
    """A file that a manifest names: where it lies, its rows, its bytes and the digest of its table's schema."""

    uri: str
    rows: int
    bytes: int
    schema_sha256: str


def schema_sha256(schema: pa.Schema) -> str:
    """Return the digest of a schema's column names and types, in order."""
    return hashlib.sha256("\n".join(f"{column.name} {column.type}" for column in schema).encode()).hexdigest()


def check_footer(metadata: pq.FileMetaData, published: PublishedFile, size: int | None = None) -> None:
    """Check a file's footer and, where it is known, its size.

    Raises
    ------
    SchemaMismatchError
        Rows, bytes or schema are not those that the manifest names.
    """
    differs = [
        f"{found} {what} where the manifest names {named}"
        for what, found, named in (
            ("rows", metadata.num_rows, published.rows),
            ("bytes", published.bytes if size is None else size, published.bytes),
        )
        if found != named
    ]
    if not _has_schema(metadata, published.schema_sha256):
        names = metadata.schema.to_arrow_schema().names
        differs.append(f"columns {', '.join(names)}, which are not those that the manifest names")
    if differs:
        raise SchemaMismatchError(
            f"{published.uri} has {' and '.join(differs)}; it was changed after it was published. "
            "Publish its partition again."
        )


_SEEN: Final[dict[str, tuple[pq.ParquetSchema, bytes | None]]] = {}
"""By digest, the last schema that has it, as footers say it: thousands of files of a table have the same."""


def _has_schema(metadata: pq.FileMetaData, digest: str) -> bool:
    arrow = (metadata.metadata or {}).get(b"ARROW:schema")
    seen = _SEEN.get(digest)
    if seen and seen[1] == arrow and metadata.schema.equals(seen[0]):
        return True
    if schema_sha256(plain_schema(metadata.schema.to_arrow_schema())) != digest:
        return False
    _SEEN[digest] = (metadata.schema, arrow)
    return True
