"""The datasets as Apache Iceberg tables: where their metadata lies, and what their database is called."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

TABLES_DATABASE: Final = "NDR_TABLES_DATABASE"
"""Environment variable of jobs: what the names of databases begin with. Without it, no tables are registered."""

TABLES_CATALOG: Final = "NDR_TABLES_CATALOG"
"""Environment variable of jobs: an SQLite catalog, `sqlite:////path/tables.db`, in place of the Glue Data Catalog."""

TABLES_FOLDER: Final = "_tables"
"""Below a dataset's prefix: the metadata of its tables, and the commits that they do not have yet."""

DAY_COLUMN: Final = "dt"
"""The column that a table is partitioned by: the day of a partition's folder. No file has it."""


@dataclass(frozen=True)
class TablesCatalog:
    """Where tables are registered.

    Attributes
    ----------
    database : str
        What the names of databases begin with.
    sqlite : str or None
        URI of an SQLite catalog; None: the Glue Data Catalog.
    """

    database: str
    sqlite: str | None = None

    @classmethod
    def in_environment(cls, environment: Mapping[str, str] = os.environ) -> TablesCatalog | None:
        """Return the catalog that the environment names, or None."""
        database = environment.get(TABLES_DATABASE)
        return cls(database, environment.get(TABLES_CATALOG) or None) if database else None

    def database_of(self, project_name: str, feature_spec_version: str) -> str:
        """Return the database of a project and version: `ndr_ndr_prod_v1`. Athena allows a-z, 0-9 and _ only."""
        name = f"{self.database}_{project_name}_{feature_spec_version}".lower()
        return re.sub(r"[^a-z0-9]", "_", name)
