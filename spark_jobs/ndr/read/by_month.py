"""The machine inventory: one snapshot for each month."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import fs

from ndr.contract.datasets import MACHINE_INVENTORY, Dataset
from ndr.contract.errors import SchemaMismatchError
from ndr.contract.jobspecs.machine_inventory_unload import InventoryOutput
from ndr.contract.manifest import Manifest
from ndr.read.pruning import may_pass
from ndr.read.source import UNBOUNDED, Bounds
from ndr.store.manifest import read_manifest
from ndr.store.publish import table_files
from ndr.store.schema import arrow_schema
from ndr.store.storage import filesystem, join, list_names

_ADDRESS, _NAME, _MONTH = (column.name for column in MACHINE_INVENTORY.columns)


@dataclass(frozen=True)
class TableByMonth:
    """The snapshots below a prefix. Their files have the JobSpec's column names, the table has the contract's."""

    output: InventoryOutput
    bounds: Bounds = UNBOUNDED
    dataset: Dataset = MACHINE_INVENTORY

    @property
    def row_key(self) -> tuple[str, ...]:
        return (*self.dataset.key, _MONTH)

    @cached_property
    def schema(self) -> pa.Schema:
        return arrow_schema(MACHINE_INVENTORY)

    def tables(self, columns: Sequence[str], keep: pc.Expression | None) -> Iterator[pa.Table]:
        for month in may_pass(self._months(), lambda month: pc.field(_MONTH) == month, keep, self.schema):
            uri = join(self.output.s3_prefix, f"{_MONTH}={month}")
            manifest = read_manifest(uri)
            if manifest and self._is_asked(manifest):
                for file in table_files(uri, manifest, MACHINE_INVENTORY.name):
                    yield self._read(file, month).select(list(columns))

    def _months(self) -> list[str]:
        folders = list_names(self.output.s3_prefix, kind=fs.FileType.Directory)
        return [name.partition("=")[2] for name in folders if name.startswith(f"{_MONTH}=")]

    def _is_asked(self, manifest: Manifest) -> bool:
        within, as_of = self.bounds.within, self.bounds.as_of
        is_within = within is None or manifest.interval.intersection(within) is not None
        return is_within and (as_of is None or manifest.published_at <= as_of)

    def _read(self, uri: str, month: str) -> pa.Table:
        names = [self.output.ip_output_column, self.output.name_output_column]
        system, path = filesystem(uri)
        try:
            read = pq.read_table(path, filesystem=system, columns=names, partitioning=None)
            addresses, machines = (read[name] for name in names)
        except (FileNotFoundError, KeyError, pa.ArrowException) as error:
            raise SchemaMismatchError(
                f"{uri} can't be read with the columns {', '.join(names)} ({str(error).splitlines()[0]}); unload the "
                f"inventory of {month} again."
            ) from error
        months = pa.array([month] * len(read), pa.string())
        return pa.table([addresses, machines, months], names=[_ADDRESS, _NAME, _MONTH]).cast(self.schema)
