"""Tables of slices and windows: for each instant the rows of the partition that answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import fs

from ndr.contract.datasets import Dataset
from ndr.contract.manifest import Owner
from ndr.contract.time import DAY, Interval, merged
from ndr.read.pruning import in_time, may_pass
from ndr.read.source import UNBOUNDED, Bounds, conforming
from ndr.store.partition import day_of
from ndr.store.scan import Scan
from ndr.store.schema import arrow_schema
from ndr.store.storage import list_names


@dataclass(frozen=True)
class TableByTime:
    """A table whose partitions lie in day folders below a prefix."""

    dataset: Dataset
    prefix: str
    owner: Owner
    bounds: Bounds = UNBOUNDED

    @property
    def row_key(self) -> tuple[str, ...]:
        return self.dataset.key

    @cached_property
    def schema(self) -> pa.Schema:
        return arrow_schema(self.dataset)

    def tables(self, columns: Sequence[str], keep: pc.Expression | None) -> Iterator[pa.Table]:
        for stretch in self.stretches(keep, self.schema):
            yield from self.rows_of(self.scan(stretch, columns), keep, self.schema)

    def stretches(self, keep: pc.Expression | None, schema: pa.Schema) -> list[Interval]:
        """Return the time of the published days that may have a row that passes, cut to the bounds."""
        days = [Interval(day, day + DAY) for day in self._days()]
        if self.bounds.within:
            days = [part for day in days if (part := day.intersection(self.bounds.within))]
        return merged(may_pass(days, lambda day: in_time(self.dataset, day), keep, schema))

    def scan(self, stretch: Interval, columns: Sequence[str]) -> Scan:
        """Look up what answers for a stretch.

        Raises
        ------
        SchemaMismatchError
            A manifest that would answer can't be read, or is of another dataset, project or version.
        """
        return Scan.of(
            self.prefix, self.dataset, stretch, columns, self.owner, without_reads=True, as_of=self.bounds.as_of
        )

    def rows_of(self, scan: Scan, keep: pc.Expression | None, schema: pa.Schema) -> Iterator[pa.Table]:
        """Read the pieces of a scan that may have a row that passes; a column that an old file lacks is null."""
        pieces = may_pass(scan.pieces, lambda piece: in_time(self.dataset, piece.interval), keep, schema)
        wanted = pa.schema([self.schema.field(name) for name in scan.columns])
        for table in Scan(self.dataset, tuple(pieces), scan.columns).bundles(may_lack=flat_columns(wanted)):
            yield conforming(table, wanted)

    def _days(self) -> list[datetime]:
        found = (day_of(name) for name in list_names(self.prefix, kind=fs.FileType.Directory))
        return [day for day in found if day]


def flat_columns(schema: pa.Schema) -> list[str]:
    """Return the columns that are not nested: a file of an earlier release may be without one of them."""
    return [field.name for field in schema if not pa.types.is_nested(field.type)]
