"""Registration: the tables of a dataset are brought in line with its manifests, for the time of what was committed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table

from ndr.contract.datasets import Dataset
from ndr.contract.table_names import table_name
from ndr.contract.time import EPOCH, compact_instant
from ndr.store.unregistered import Commit, settle
from ndr.tables.catalog import add_new_columns, open_table
from ndr.tables.commit import Changes, TableChange, commit_changes, live_files
from ndr.tables.data_files import data_file
from ndr.tables.files import rows_at
from ndr.tables.named import Named
from ndr.tables.published import Published, Rows, Scope

ATTEMPTS: Final = 6
ABANDONED_AFTER: Final = timedelta(days=2)
"""Age of a marker of a commit that was not seen: no job runs so long, so that it will not happen."""
_RUNS_NAMED: Final = 20
RUN_IDS: Final = "ndr.run-ids"
"""Property of a snapshot: the runs whose commits it registers."""


@dataclass(frozen=True, slots=True)
class Registered:
    """What a registration changed in a table: files put in and taken out. Both are 0 where it was in line already."""

    table: str
    added: int
    removed: int


def register(
    catalog: Catalog, database: str, published: Published, commits: Sequence[Commit], now: datetime | None = None
) -> list[Registered]:
    """Bring the tables of a dataset in line with what is published for the time of commits, and settle these.

    Each table changes in one snapshot, or not at all. May be repeated, by several runs at once.

    Parameters
    ----------
    commits : sequence of Commit
        Of `ndr.store.unregistered`, looked up before. One that has not happened yet stays.

    Raises
    ------
    SchemaMismatchError
        A manifest or file can't be read, or the table is another project's.
    CommitFailedException
        Other runs changed a table each time that this one was about to.
    """
    registered = reconcile(catalog, database, published, published.scope(commits), commits)
    oldest = compact_instant((now or datetime.now(UTC)) - ABANDONED_AFTER)
    settle(published.prefix, [each for each in commits if each.run_id < oldest or published.is_published(each)])
    return registered


def reconcile(
    catalog: Catalog, database: str, published: Published, scope: Scope, commits: Sequence[Commit] = ()
) -> list[Registered]:
    """Bring the tables of a dataset in line with what is published in a scope. Parameters and errors: `register`."""
    return [_reconcile(catalog, database, published, scope, table, commits) for table in published.tables]


def _reconcile(
    catalog: Catalog, database: str, published: Published, scope: Scope, dataset: Dataset, commits: Sequence[Commit]
) -> Registered:
    for attempt in range(1, ATTEMPTS + 1):
        table, is_new = open_table(catalog, database, published, dataset)
        if is_new and isinstance(published, Named):
            scope = published.everything()
        try:
            return _brought_in_line(table, published, scope, dataset, commits)
        except CommitFailedException:
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("not reached")


def _brought_in_line(
    table: Table, published: Published, scope: Scope, dataset: Dataset, commits: Sequence[Commit]
) -> Registered:
    live, scope = _live(table, published, scope)
    answering = scope.answering(dataset)
    transaction = TableChange(table)
    add_new_columns(transaction, dataset)
    schema, spec_id = transaction.table_metadata.schema(), table.spec().spec_id
    changes = Changes(removed=[file for file, rows in live if rows not in answering])
    there = {rows for _, rows in live}
    for rows, each in answering.items():
        if rows not in there:
            file = data_file(schema, spec_id, table.location(), dataset, rows, each)
            changes.added += [file] if file else []
    if changes:
        runs = sorted({commit.run_id for commit in commits})[-_RUNS_NAMED:]
        commit_changes(transaction, table.io, changes, {RUN_IDS: ",".join(runs)} if runs else {})
    transaction.commit_transaction()
    return Registered(table_name(dataset.name), len(changes.added), len(changes.removed))


def _live(table: Table, published: Published, scope: Scope) -> tuple[list[tuple[DataFile, Rows | None]], Scope]:
    """Return the files of the table in a scope with their rows, and the scope that these are whole in.

    A file that no registration wrote may have the rows of a whole day: it is taken out, and the day is registered anew.
    """
    days, location = scope.days, table.location().rstrip("/")
    found = [
        (file, rows_at(published.prefix, location, published.levels, _date(file), file.file_path))
        for file in live_files(table, [day.toordinal() - EPOCH.toordinal() for day in days])
    ]
    scope = scope.including([rows for _, rows in found if rows])
    foreign = {_date(file) for file, rows in found if rows is None}
    if foreign:
        scope = scope.including_days(foreign)
    return [(file, rows) for file, rows in found if rows is None or scope.holds(rows)], scope


def _date(file: DataFile) -> date:
    return date.fromordinal(EPOCH.toordinal() + file.partition[0])
