"""A publisher with a deliberate fault, for the checker to find: the manifest is put first, and then the files it names.

A job reads what it has written before it commits, so the files are written, taken away for the commit, and put again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ndr.contract.manifest import FileEntry, Manifest
from ndr.store.manifest import put_manifest
from ndr.store.publish import PartitionWriter
from ndr.store.storage import filesystem, join


def manifest_first() -> None:
    """Replace the publisher of this process."""
    write, pending = pq.write_table, list[tuple[Path, pa.Table]]()

    def noted(writer: PartitionWriter, table: pa.Table, path: str, key: Sequence[str]) -> FileEntry:
        file = Path(filesystem(join(writer.partition_uri, path))[1])
        file.parent.mkdir(parents=True, exist_ok=True)
        write(table, file, compression="zstd")
        pending.append((file, table))
        return FileEntry(path=path, rows=table.num_rows, bytes=file.stat().st_size)

    def commit(writer: PartitionWriter, fence: Any = None, /, **facts: Any) -> Manifest:
        now = datetime.now(UTC)
        manifest = Manifest(tables=writer.tables, run_id=writer.run_id, published_at=now, **facts)
        for file, _ in pending:
            file.unlink(missing_ok=True)
        put_manifest(writer.partition_uri, manifest)
        for file, table in pending:
            pq.write_table(table, file, compression="zstd")
        pending.clear()
        return manifest

    PartitionWriter._write_file = noted  # type: ignore[method-assign]
    PartitionWriter.commit = commit  # type: ignore[method-assign]
