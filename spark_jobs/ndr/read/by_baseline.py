"""Tables of baselines: one partition for each horizon and end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import fs

from ndr.contract.datasets import FG_B, Dataset
from ndr.contract.horizons import HORIZONS
from ndr.contract.manifest import MANIFEST_NAME, Owner, check_owner
from ndr.read.by_time import flat_columns
from ndr.read.pruning import may_pass
from ndr.read.source import UNBOUNDED, Bounds, conforming
from ndr.store.catalog import Partition, Piece, readable_baseline
from ndr.store.partition import baseline_end_of
from ndr.store.scan import Scan
from ndr.store.schema import ARROW_TYPES, arrow_schema
from ndr.store.storage import join, list_names

HORIZON: Final = "baseline_horizon"
END: Final = "baseline_end"


@dataclass(frozen=True)
class TableOfBaselines:
    """One of the tables of every baseline below a prefix."""

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
        named = may_pass(self._named(), lambda each: is_baseline(*each), keep, self.schema)
        found = (readable_baseline(self.prefix, horizon, end) for horizon, end in named)
        yield from self.rows_of([each for each in found if each and self._is_asked(each)], columns)

    def rows_of(self, baselines: Sequence[Partition], columns: Sequence[str]) -> Iterator[pa.Table]:
        """Read the table of some baselines; a column that one of them lacks is null.

        Raises
        ------
        SchemaMismatchError
            A baseline is of another project or version, or a file is not what its manifest says of it.
        """
        for each in baselines:
            check_owner(join(each.uri, MANIFEST_NAME), each.manifest, FG_B, self.owner)
        pieces = tuple(Piece(each, each.manifest.interval) for each in baselines)
        wanted = pa.schema([self.schema.field(name) for name in columns])
        for table in Scan(self.dataset, pieces, tuple(columns)).bundles(may_lack=flat_columns(wanted)):
            yield conforming(table, wanted)

    def _named(self) -> list[tuple[str, datetime]]:
        """Return the horizon and the end of every baseline that has a folder, within the bounds."""
        folders = {
            horizon: list_names(join(self.prefix, f"horizon={horizon}"), kind=fs.FileType.Directory)
            for horizon in HORIZONS
        }
        named = [
            (horizon, end) for horizon, names in folders.items() for name in names if (end := baseline_end_of(name))
        ]
        within = self.bounds.within
        return [(horizon, end) for horizon, end in named if within is None or end in within]

    def _is_asked(self, baseline: Partition) -> bool:
        return self.bounds.as_of is None or baseline.manifest.published_at <= self.bounds.as_of


def is_baseline(horizon: str, end: datetime) -> pc.Expression:
    """Return what is true for every row of a baseline."""
    return (pc.field(HORIZON) == horizon) & (pc.field(END) == pa.scalar(end, ARROW_TYPES["timestamp"]))
