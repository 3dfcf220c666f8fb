"""Whatever is published, compacted and swept, a table has for each instant the rows of the version published last."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from pyiceberg.catalog.sql import SqlCatalog
from tests.jobs.iceberg_tables import sqlite_catalog
from tests.jobs.test_compaction_interleavings import ALL, SPANS, Compact, Publish, Sweep, World

from ndr.contract.datasets import PAIR_COUNTS
from ndr.contract.manifest import Owner
from ndr.contract.tables import TablesCatalog
from ndr.store.scan import Scan
from ndr.store.unregistered import unregistered
from ndr.tables.catalog import open_catalog
from ndr.tables.register import register
from ndr.tables.slices import Slices

DATABASE = "ndr_p_v1"


@dataclass(frozen=True)
class Register:
    """A registration of what is announced."""


Step = Publish | Compact | Sweep | Register

publications = st.sampled_from(SPANS).map(Publish)
steps = st.lists(
    st.one_of(publications, publications, st.just(Compact()), st.just(Sweep()), st.just(Register())), max_size=9
)


@dataclass
class Tables:
    """A dataset of six slices, and its table."""

    world: World
    catalog: SqlCatalog
    of: Slices = field(init=False)

    def __post_init__(self) -> None:
        self.of = Slices("pair_counts", self.world.prefix, (PAIR_COUNTS,), Owner("p", "v1"))

    def do(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if isinstance(step, Register):
                self.register()
            else:
                self.world.do([step])

    def register(self) -> None:
        commits = unregistered(self.world.prefix)
        if commits:
            register(self.catalog, DATABASE, self.of, commits)

    def rows(self) -> dict[datetime, int]:
        table = self.catalog.load_table((DATABASE, "pair_counts"))
        found = table.scan().to_arrow().sort_by("slice_start").to_pylist()
        assert len({row["slice_start"] for row in found}) == len(found), "two versions answer for one slice"
        return {row["slice_start"]: row["sessions_cnt"] for row in found}

    def published(self) -> dict[datetime, int]:
        rows = Scan.of(self.world.prefix, PAIR_COUNTS, ALL).read().to_pylist()
        return {row["slice_start"]: row["sessions_cnt"] for row in rows}


@given(steps)
@settings(max_examples=50)
def test_a_table_follows_its_dataset(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(sqlite_catalog(Path(folder)))
        configured = TablesCatalog.in_environment()
        assert configured
        with open_catalog(configured) as catalog:
            tables = Tables(World(f"{Path(folder).as_uri()}/pair_counts/"), catalog)
            tables.do([Publish((0, 1)), *steps, Register()])
            assert tables.rows() == tables.published()
            # The marker of a partition that was swept meanwhile stays until it is two days old.
            assert not [commit for commit in unregistered(tables.world.prefix) if tables.of.is_published(commit)]
