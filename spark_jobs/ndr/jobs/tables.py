"""The Iceberg tables of a project: what its jobs commit is registered by the last job of each pipeline.

So one process of a pipeline imports the library. A registration that fails never fails a job: it is logged and counted,
and the markers of its commits stay, by which the next run catches up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from ndr.contract.datasets import FG_A_METRICS, FG_B, MACHINE_INVENTORY, Dataset, fg_b_tables
from ndr.contract.errors import JobSpecInvalidError, JobSpecNotFoundError
from ndr.contract.fifteen_minutes import BATCH_JOBS, SCORED_BATCH_JOBS
from ndr.contract.jobspecs import FG_B_BUILDER, FG_C_BUILDER, MACHINE_INVENTORY_UNLOAD
from ndr.contract.jobspecs.machine_inventory_unload import InventoryOutput
from ndr.contract.tables import TABLES_DATABASE, TablesCatalog
from ndr.contract.time import Interval
from ndr.jobs.compaction.datasets import compacted_datasets
from ndr.jobs.metrics import count_tables
from ndr.jobs.run import Run, job_logger
from ndr.store.unregistered import unregistered
from ndr.tables.named import Named
from ndr.tables.published import Published
from ndr.tables.slices import Slices

if TYPE_CHECKING:
    from ndr.tables.register import Registered

Registering = Callable[[Run, Published], "list[Registered]"]
"""Registers a dataset; an empty list where there was nothing to do."""

_FOLLOWED: Final = {str(before) for each in BATCH_JOBS for before in each.after}
_FOLLOWED_BY_SCORES: Final = {str(before) for each in SCORED_BATCH_JOBS for before in each.after}


def register_commits(run: Run) -> None:
    """Register all commits of the project that its tables lack, unless a later job of the pipeline does."""
    catalog = TablesCatalog.in_environment()
    if catalog is None:
        reason = f"{TABLES_DATABASE} names no database to register them in"
        job_logger(run.job_name).info("no tables", extra={"reason": reason})
    else:
        _register_each(run, partial(_register, catalog), unless=_is_followed)


def register_days(run: Run, days: Interval) -> None:
    """Register all that is published of whole days, and sweep the folders of the tables."""
    if catalog := TablesCatalog.in_environment():
        _register_each(run, partial(_register_days, catalog, days))


def published_datasets(run: Run) -> Iterator[Published]:
    """Yield the datasets of the project, with the prefixes and columns of its JobSpecs.

    Raises
    ------
    JobSpecNotFoundError, JobSpecInvalidError
    """
    for slices in compacted_datasets(run):
        yield Slices(slices.name, slices.prefix, slices.tables, run.owner)
    baselines = fg_b_tables(column.name for column in FG_A_METRICS)
    yield Named(FG_B, run.spec(FG_B_BUILDER).outputs.fg_b, baselines, run.owner)
    output = run.spec(MACHINE_INVENTORY_UNLOAD).output
    yield Named(MACHINE_INVENTORY.name, output.s3_prefix, (_inventory_table(output),), run.owner, levels=1, shared=True)


def _inventory_table(output: InventoryOutput) -> Dataset:
    """Return the inventory under the JobSpec's column names."""
    address, name, *others = MACHINE_INVENTORY.columns
    columns = (replace(address, name=output.ip_output_column), replace(name, name=output.name_output_column), *others)
    return replace(MACHINE_INVENTORY, key=(output.ip_output_column,), columns=columns)


def _is_followed(run: Run) -> bool:
    if run.job_name in _FOLLOWED or run.job_name not in _FOLLOWED_BY_SCORES:
        return run.job_name in _FOLLOWED
    try:
        run.spec(FG_C_BUILDER)
    except JobSpecNotFoundError:
        return False
    except JobSpecInvalidError:
        pass  # the job itself says what is wrong
    return True


def _register(configured: TablesCatalog, run: Run, published: Published) -> list[Registered]:
    commits = unregistered(published.prefix)
    if not commits:
        return []
    from ndr.tables.catalog import open_catalog  # here, as the library takes half a second to import
    from ndr.tables.register import register

    return register(open_catalog(configured), configured.database_of(*run.owner), published, commits)


def _register_days(configured: TablesCatalog, days: Interval, run: Run, published: Published) -> list[Registered]:
    from ndr.tables.catalog import open_catalog
    from ndr.tables.register import reconcile
    from ndr.tables.sweep import sweep

    catalog, database = open_catalog(configured), configured.database_of(*run.owner)
    registered = reconcile(catalog, database, published, published.all_of(days))
    for uri in sweep(catalog, database, published):
        job_logger(run.job_name).info("swept", extra={"uri": uri})
    return registered


def _register_each(run: Run, register: Registering, unless: Callable[[Run], bool] = lambda run: False) -> None:
    """Register the datasets of the project. Nothing of it may fail the job: what the job published answers already."""
    try:
        for published in () if unless(run) else published_datasets(run):
            try:
                _log_registered(run, published.name, register(run, published))
            except Exception as error:
                _log_failed(run, published.name, error)
    except Exception as error:  # the JobSpecs can't be read
        _log_failed(run, "all", error)


def _log_registered(run: Run, dataset: str, registered: list[Registered]) -> None:
    if registered:
        files = {each.table: {"added": each.added, "removed": each.removed} for each in registered}
        job_logger(run.job_name).info("tables registered", extra={"dataset": dataset, "files": files})
        count_tables(run, dataset, failed=False)


def _log_failed(run: Run, dataset: str, error: Exception) -> None:
    job_logger(run.job_name).warning("tables not registered", extra={"dataset": dataset, "reason": repr(error)})
    count_tables(run, dataset, failed=True)
