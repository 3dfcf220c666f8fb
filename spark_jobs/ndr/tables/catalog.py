"""The catalog of the tables: the Glue Data Catalog in AWS, SQLite on one machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from botocore.config import Config
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NamespaceAlreadyExistsError, NoSuchTableError, TableAlreadyExistsError
from pyiceberg.schema import Schema
from pyiceberg.table import Table, Transaction
from pyiceberg.types import NestedField

from ndr.contract.datasets import Dataset
from ndr.contract.errors import SchemaMismatchError
from ndr.contract.manifest import Owner
from ndr.contract.table_names import table_name
from ndr.contract.tables import TablesCatalog
from ndr.store import aws
from ndr.tables.commit import PROPERTIES
from ndr.tables.file_io import IMPLEMENTATION
from ndr.tables.files import table_location
from ndr.tables.published import Published
from ndr.tables.schema import iceberg_schema, partition_spec

NAME_MAPPING: Final = "schema.name-mapping.default"
_OWNER: Final = ("ndr.project-name", "ndr.feature-spec-version")


def open_catalog(configured: TablesCatalog) -> Catalog:
    """Return a client of the catalog.

    Raises
    ------
    ModuleNotFoundError
        SQLAlchemy is missing, which an SQLite catalog needs.
    """
    properties = {"py-io-impl": IMPLEMENTATION}
    if configured.sqlite:
        from pyiceberg.catalog.sql import SqlCatalog

        return SqlCatalog("ndr", uri=configured.sqlite, **properties)
    from pyiceberg.catalog.glue import GlueCatalog

    # The archive of a Glue table keeps each version for ever, up to a quota: its metadata has the snapshots.
    client = aws.client("glue", config=Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard"}))
    return GlueCatalog("ndr", client=client, **properties, **{"glue.skip-archive": "true"})


def open_table(catalog: Catalog, database: str, published: Published, dataset: Dataset) -> tuple[Table, bool]:
    """Return a dataset's table, created where it does not exist, and whether it was created.

    Raises
    ------
    SchemaMismatchError
        A table of this name is of another project or version, or lies elsewhere.
    """
    known_as = table_name(dataset.name)
    name = (database, known_as)
    location = table_location(published.prefix, database, known_as)
    try:
        table, is_new = catalog.load_table(name), False
    except NoSuchTableError:
        table, is_new = _created(catalog, database, published, dataset, location), True
    found = Owner(*(table.properties.get(key, "") for key in _OWNER))
    if found != published.owner or table.location().rstrip("/") != location:
        raise SchemaMismatchError(
            f"The table {database}.{known_as} lies at {table.location()} and is of project {found.project_name!r}, "
            f"version {found.feature_spec_version!r}; this run registers project {published.owner.project_name!r}, "
            f"version {published.owner.feature_spec_version!r}, at {location}. Drop the table, or deploy the "
            "stack with another TablesDatabase."
        )
    return table, is_new


def _created(catalog: Catalog, database: str, published: Published, dataset: Dataset, location: str) -> Table:
    with suppress(NamespaceAlreadyExistsError):  # by another registration, meanwhile
        catalog.create_namespace_if_not_exists(database)
    schema = iceberg_schema(dataset)
    owner = dict(zip(_OWNER, published.owner, strict=True))
    properties = {**PROPERTIES, **owner, NAME_MAPPING: schema.name_mapping.model_dump_json()}
    name = (database, table_name(dataset.name))
    try:
        return catalog.create_table(name, schema, location, partition_spec(schema), properties=properties)
    except TableAlreadyExistsError:
        return catalog.load_table(name)


def add_new_columns(transaction: Transaction, dataset: Dataset) -> None:
    """Stage the columns that a later release added to the contract; they are null in earlier files.

    Raises
    ------
    SchemaMismatchError
        A column of the table has another type than the contract says.
    """
    there = {column.name: column for column in transaction.table_metadata.schema().fields}
    wanted = iceberg_schema(dataset)
    _refuse_other_types(dataset, there, wanted)
    new = [column for column in wanted.fields if column.name not in there]
    if new:
        with transaction.update_schema() as update:
            for column in new:
                update.add_column(column.name, column.field_type, column.doc)
        mapping = transaction.table_metadata.schema().name_mapping.model_dump_json()
        transaction.set_properties({NAME_MAPPING: mapping})


def _refuse_other_types(dataset: Dataset, there: Mapping[str, NestedField], wanted: Schema) -> None:
    for column in wanted.fields:
        # The ids of a list's parts differ where columns were added before: what is compared is the text without them.
        if column.name in there and _type_text(there[column.name]) != _type_text(column):
            raise SchemaMismatchError(
                f"The table {table_name(dataset.name)} has {column.name} as {there[column.name].field_type}, this "
                f"release as {column.field_type}; drop the table, and the next run registers it anew."
            )


def _type_text(column: NestedField) -> str:
    return re.sub(r"\d+: ", "", str(column.field_type))
