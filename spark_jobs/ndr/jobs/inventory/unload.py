"""The monthly unload: count, UNLOAD to staging, verify, copy, verify the copy, commit, then tidy up.

Until the manifest is put, the snapshot before answers; from then on the new one does. A run that dies in between
leaves files that no manifest names. Staging is deleted last, and only when all went well.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import pyarrow.parquet as pq
from aws_lambda_powertools import Logger
from pyarrow import fs

from ndr.contract.datasets import MACHINE_INVENTORY
from ndr.contract.errors import EmptyResultError, JobSpecInvalidError, SchemaMismatchError, UnloadVerificationError
from ndr.contract.jobspecs.machine_inventory_unload import InventoryOutput, MachineInventoryUnloadSpec
from ndr.contract.manifest import FileEntry, InputEntry, Manifest, TableEntry
from ndr.contract.time import compact_instant
from ndr.contract.wording import counted
from ndr.jobs.inventory.layout import (
    file_prefix,
    month_interval,
    run_id_of,
    snapshot_schema,
    snapshot_uri,
    staging_uri,
)
from ndr.jobs.inventory.query import COUNT_COLUMNS, inventory_statements, unload_statement
from ndr.jobs.inventory.redshift_data import Statements
from ndr.jobs.inventory.snapshot import newest_manifest
from ndr.jobs.inventory.verification import verify_copy, verify_unloaded
from ndr.jobs.run import Run
from ndr.store.footer import schema_sha256
from ndr.store.manifest import read_manifest
from ndr.store.publish import SWEEP_AFTER, PartitionWriter
from ndr.store.replacement import REPLACE_WITH_EMPTY, refuse_unreadable
from ndr.store.storage import delete_folder, filesystem, join, list_names

TABLE: Final = MACHINE_INVENTORY.name


@dataclass(frozen=True, slots=True)
class Counts:
    """What the table holds under the filters.

    Attributes
    ----------
    machines : int
        Distinct addresses.
    rows_without_address : int
        Rows whose address is null or blank.
    machines_with_several_names : int
        Addresses with more than one name; the greatest is kept.
    """

    machines: int
    rows_without_address: int
    machines_with_several_names: int

    def sentence(self) -> str | None:
        """Say what is worth knowing of the snapshot; None when there is nothing."""
        parts = []
        if self.machines == 0:
            parts.append("The query finds no machine: the snapshot is empty.")
        if self.rows_without_address:
            parts.append(f"Rows without an address, left out: {self.rows_without_address}.")
        if self.machines_with_several_names:
            parts.append(
                f"Addresses with several names, of which the greatest is kept: {self.machines_with_several_names}."
            )
        return " ".join(parts) or None


@dataclass(frozen=True)
class Unload:
    """One run's unload of one month.

    Parameters
    ----------
    spec : MachineInventoryUnloadSpec
        The JobSpec.
    month : str
        `YYYY-MM`.
    statements : Statements
        Runs SQL; its run id names the staging prefix and the files.
    run : Run
        The run that publishes.
    log : Logger
        One line a step.
    kms_key_arn : str, optional
        Key of the files in staging, which Redshift writes; the bucket's default is that of the copies.
    replace_with_empty : bool
        Whether an inventory that holds machines may be followed by one that holds none.
    bucket_region : str, optional
        Region of the output's bucket, which is the stack's; that of Redshift by default.
    """

    spec: MachineInventoryUnloadSpec
    month: str
    statements: Statements
    run: Run
    log: Logger
    kms_key_arn: str | None = None
    replace_with_empty: bool = False
    bucket_region: str | None = None

    @property
    def partition(self) -> str:
        return snapshot_uri(self.spec.output.s3_prefix, self.month)

    @property
    def staging(self) -> str:
        return staging_uri(self.spec.output.s3_prefix, self.month, self.statements.run_id)

    def publish(self) -> Manifest:
        """Unload the month's snapshot and return its manifest.

        Raises
        ------
        JobSpecInvalidError
            A name, filter or prefix can't be used.
        RedshiftStatementError
            Redshift did not finish a statement.
        UnloadVerificationError
            What was unloaded or copied is not what was counted; staging is kept, the snapshot before stays valid.
        PublishConflictError
            Another run has taken the month over.
        EmptyResultError
            The query finds no machine, and the newest snapshot up to the month holds some.
        """
        _check_prefix(self.spec.output)
        counts = self._unload_to_staging()
        files = self._verified(counts)
        self._copy(files)
        manifest = self._commit(files, counts)
        delete_folder(self.staging)
        self.log.info("staging deleted", extra={"staging": self.staging})
        return manifest

    def _unload_to_staging(self) -> Counts:
        sql = inventory_statements(self.spec.query, self.spec.output, self.month)
        row = self.statements.rows(sql.count, "count the machines")[0]
        counts = Counts(**{column: int(row[column]) for column in COUNT_COLUMNS})
        self.log.info("counted", extra={column: row[column] for column in COUNT_COLUMNS})
        if counts.machines == 0 and not self.replace_with_empty:
            self._refuse_empty()
        target = join(self.staging, file_prefix(self.statements.run_id))
        statement = unload_statement(
            sql.select, target, self.spec.redshift.iam_role, self.kms_key_arn, self._other_region
        )
        identifier = self.statements.execute(statement, f"unload the machines to {self.staging}")
        self.log.info("unloaded", extra={"staging": self.staging, "statement_id": identifier})
        return counts

    def _refuse_empty(self) -> None:
        why = f"The query on {self._source} finds no machine."
        prefix = self.spec.output.s3_prefix
        try:
            found = newest_manifest(prefix, self.month)
        except SchemaMismatchError as error:
            refuse_unreadable(MACHINE_INVENTORY, error, True, why)
            return
        if found and (rows := found[1].tables[TABLE].rows):
            raise EmptyResultError(
                f"{why} The snapshot of {found[0]} below {prefix} has {counted(rows, 'machine')} (run "
                f"{found[1].run_id}), and it "
                f"stays. {REPLACE_WITH_EMPTY}"
            )

    def _verified(self, counts: Counts) -> list[FileEntry]:
        schema = snapshot_schema(self.spec.output)
        names = list_names(self.staging, kind=fs.FileType.File)
        if not names and counts.machines == 0:
            # UNLOAD of no rows writes no file; a file with the schema alone lets any reader open the snapshot.
            names = [f"{file_prefix(self.statements.run_id)}empty.parquet"]
            system, path = filesystem(join(self.staging, names[0]))
            pq.write_table(schema.empty_table(), path, filesystem=system)
        files = verify_unloaded(self.staging, names, schema, counts.machines, self.month)
        self.log.info("verified", extra={"files": len(files), "rows": sum(file.rows for file in files)})
        return files

    def _copy(self, files: list[FileEntry]) -> None:
        system, partition = filesystem(self.partition)
        _, staging = filesystem(self.staging)
        try:
            for file in files:
                system.copy_file(f"{staging}/{file.path}", f"{partition}/{file.path}")
                verify_copy(self.staging, self.partition, file.path)
        except (OSError, UnloadVerificationError) as error:
            self._delete(file.path for file in files)
            if isinstance(error, UnloadVerificationError):
                raise
            raise UnloadVerificationError(
                f"Copying from {self.staging} to {self.partition} broke off ({error}); the copies are removed, staging "
                "is kept for inspection and the published snapshot is unchanged. Run again."
            ) from error
        self.log.info("copied", extra={"partition": self.partition, "files": len(files)})

    def _commit(self, files: list[FileEntry], counts: Counts) -> Manifest:
        before = read_manifest(self.partition)
        interval = month_interval(self.month)
        rows = sum(file.rows for file in files)
        table = TableEntry(
            rows=rows, schema_sha256=schema_sha256(snapshot_schema(self.spec.output)), files=tuple(files)
        )
        manifest = PartitionWriter(self.partition, self.statements.run_id, {TABLE: table}).commit(
            self.run.fence(TABLE, interval),
            dataset=TABLE,
            start=interval.start,
            end=interval.end,
            inputs=(InputEntry(uri=self._source),),
            note=counts.sentence(),
            **self.run.facts,
        )
        self.log.info("published", extra={"partition": self.partition, "rows": rows, "note": manifest.note})
        self._sweep(manifest, before)
        return manifest

    @property
    def _other_region(self) -> str | None:
        return self.bucket_region if self.bucket_region != self.spec.redshift.region else None

    @property
    def _source(self) -> str:
        redshift, query = self.spec.redshift, self.spec.query
        place = redshift.cluster_identifier or redshift.workgroup_name
        return f"redshift://{place}/{redshift.database}/{query.schema_}/{query.table}"

    def _sweep(self, manifest: Manifest, before: Manifest | None) -> None:
        """Delete what the manifest does not name, except files that another run may be about to publish."""
        kept = {file.path for file in manifest.tables[TABLE].files}
        replaced = {file.path for file in before.tables[TABLE].files} if before else set()
        oldest_in_progress = compact_instant(manifest.published_at - SWEEP_AFTER)
        names = [name for name in list_names(self.partition, kind=fs.FileType.File) if not name.startswith("_")]
        stale = [
            name
            for name in names
            if name not in kept and (name in replaced or (run_id_of(name) or "") < oldest_in_progress)
        ]
        self._delete(stale)
        self.log.info("older files deleted", extra={"partition": self.partition, "files": len(stale)})

    def _delete(self, names: Iterable[str]) -> None:
        system, partition = filesystem(self.partition)
        for name in names:
            try:
                system.delete_file(f"{partition}/{name}")
            except FileNotFoundError:
                continue  # never copied, or another run was quicker


def _check_prefix(output: InventoryOutput) -> None:
    if not output.s3_prefix.startswith("s3://"):
        raise JobSpecInvalidError(
            f"output.s3_prefix is {output.s3_prefix!r}, but Redshift's UNLOAD writes to S3 only; write s3://bucket/path/."
        )
