"""The manifest of a published partition. It is the commit: readers open the files it names and no others."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict

from ndr.contract.time import Interval

MANIFEST_NAME: Final = "_manifest.json"
SUCCESS_NAME: Final = "_SUCCESS"


def _stays_inside(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/") or "\0" in path:
        raise ValueError(f"{path!r} is no path below the partition")
    return path


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileEntry(_Frozen):
    """A Parquet file of the partition; `path` is relative to the partition and stays in it."""

    path: Annotated[str, AfterValidator(_stays_inside)]
    rows: int
    bytes: int


class TableEntry(_Frozen):
    """One table of the partition: its rows, the digest of its schema, and its files."""

    rows: int
    schema_sha256: str
    files: tuple[FileEntry, ...]


class InputFile(_Frozen):
    """A raw file as it was when it was read; `modified_at` in whole seconds."""

    name: str
    bytes: int
    modified_at: datetime


class InputEntry(_Frozen):
    """What was read: a published partition (`run_id` says which version of it) or a folder of raw files."""

    uri: str
    run_id: str | None = None
    files: tuple[InputFile, ...] = ()


class RowAccount(_Frozen):
    """Every row that came in was used or quarantined."""

    rows_in: int
    rows_used: int
    rows_quarantined: int


class Manifest(_Frozen):
    """What a partition holds and where it came from.

    `coverage` is the share, in [0, 1], of the time asked for that the inputs covered. `code_version` is the digest of
    the job sources. `note` is a sentence for the reader where there is something to say, e.g. an empty batch.
    """

    dataset: str
    project_name: str
    feature_spec_version: str
    start: datetime
    end: datetime
    tables: dict[str, TableEntry]
    rows: RowAccount | None = None
    inputs: tuple[InputEntry, ...] = ()
    coverage: float = 1.0
    code_version: str
    run_id: str
    published_at: datetime
    note: str | None = None

    @property
    def interval(self) -> Interval:
        """The time that the partition answers for, [start, end)."""
        return Interval(self.start, self.end)
