"""What to read of a dataset's files. It follows from a file's schema, so thousands of files are looked at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pyarrow as pa
import pyarrow.parquet as pq

from ndr.contract.datasets import Dataset
from ndr.contract.errors import SchemaMismatchError
from ndr.store.footer import PublishedFile
from ndr.store.schema import arrow_schema, coded_schema


def read_schema(dataset: Dataset, columns: Sequence[str], coded: bool = False) -> pa.Schema:
    """Return the contract's types of some columns, text plain or as codes."""
    schema = coded_schema(dataset) if coded else arrow_schema(dataset)
    return pa.schema([schema.field(name) for name in columns])


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is read of the files of one schema.

    Attributes
    ----------
    schema : pa.Schema
        Of the rows.
    leaves : list of int
        The columns of `schema` among the leaf columns of a file.
    time : list of int
        The dataset's time column among these, where it is not one of `leaves`.
    """

    schema: pa.Schema
    leaves: list[int]
    time: list[int]


@dataclass(frozen=True)
class Asked:
    """What to take of a dataset's files: some columns, text plain or as codes.

    `may_lack` are columns that are left out where a file does not have them.
    """

    dataset: Dataset
    columns: tuple[str, ...]
    coded: bool = False
    may_lack: tuple[str, ...] = ()
    _of_schema: dict[str, Chosen] = field(default_factory=dict, init=False, compare=False, repr=False)

    @cached_property
    def schema(self) -> pa.Schema:
        """The contract's types of the columns."""
        return read_schema(self.dataset, self.columns, self.coded)

    @cached_property
    def text(self) -> list[str]:
        """The columns to read as codes."""
        return [column.name for column in self.schema if pa.types.is_dictionary(column.type)]

    def chosen(self, file: PublishedFile, metadata: pq.FileMetaData) -> Chosen:
        """Return what to read of a file whose schema is the one that its manifest names.

        Raises
        ------
        SchemaMismatchError
            The file lacks a column that it may not lack.
        """
        chosen = self._of_schema.get(file.schema_sha256)
        if chosen is None:
            chosen = self._of_schema[file.schema_sha256] = self._choose(file, metadata.schema)
        return chosen

    def _choose(self, file: PublishedFile, found: pq.ParquetSchema) -> Chosen:
        # The leaves of a nested column have its name before theirs.
        names = [found.column(leaf).path.partition(".")[0] for leaf in range(len(found))]
        lacking = set(self.columns).difference(names)
        refused = [name for name in self.columns if name in lacking and name not in self.may_lack]
        if refused:
            raise SchemaMismatchError(
                f"{file.uri} has no {' and no '.join(refused)}, which {self.dataset.name} of this release have: an "
                "earlier release wrote it. Build its partition again with the same batch."
            )
        schema = pa.schema([column for column in self.schema if column.name not in lacking])
        leaves = [leaf for column in schema.names for leaf, name in enumerate(names) if name == column]
        time = [leaf for leaf, name in enumerate(names) if name == self.dataset.time_column and leaf not in leaves]
        return Chosen(schema, leaves, time)
