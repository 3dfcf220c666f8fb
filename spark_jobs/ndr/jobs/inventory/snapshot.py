"""Reading the inventory: the newest snapshot that is not later than a month."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from ndr.contract.datasets import MACHINE_INVENTORY
from ndr.contract.errors import SchemaMismatchError
from ndr.contract.jobspecs.machine_inventory_unload import InventoryOutput
from ndr.contract.manifest import InputEntry, Manifest
from ndr.contract.wording import agreeing, counted
from ndr.jobs.inventory.layout import snapshot_months, snapshot_schema, snapshot_uri
from ndr.net.addresses import canonical_address
from ndr.store.footer import schema_sha256
from ndr.store.manifest import read_manifest
from ndr.store.publish import table_files
from ndr.store.schema import arrow_schema
from ndr.store.storage import filesystem

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The machines known at a month.

    Attributes
    ----------
    machines : pyarrow.Table
        Columns ip_address, machine_name (string), sorted by address. Addresses in canonical text, as in every other
        dataset; of several names of an address the greatest.
    month : str or None
        `YYYY-MM` of the snapshot; None when there is none.
    source : InputEntry or None
        The partition read, for the manifest of what is built from it.
    note : str or None
        A remark: there is no inventory, it is empty, or some of its addresses are not valid.
    """

    machines: pa.Table
    month: str | None
    source: InputEntry | None
    note: str | None


def newest_snapshot(output: InventoryOutput, not_after: str) -> Snapshot:
    """Read the newest published snapshot whose month is at or before `not_after`.

    Parameters
    ----------
    output : InventoryOutput
        Of the machine_inventory_unload JobSpec: the prefix, `s3://` or `file://`, and the column names.
    not_after : str
        `YYYY-MM`.

    Raises
    ------
    SchemaMismatchError
        The snapshot was written under other column names, or a file that its manifest names is gone.
    """
    for _ in range(_ATTEMPTS):
        found = newest_manifest(output.s3_prefix, not_after)
        if found is None:
            return Snapshot(_empty(), None, None, f"No inventory of {not_after} or before is in {output.s3_prefix}.")
        month, manifest = found
        uri = snapshot_uri(output.s3_prefix, month)
        try:
            machines = _read(uri, manifest, output)
        except FileNotFoundError:
            continue  # replaced between reading the manifest and the files: the new manifest names others
        names, odd = _names_by_address(machines)
        source = InputEntry(uri=uri, run_id=manifest.run_id)
        return Snapshot(_table(names), month, source, _note(f"{month} in {output.s3_prefix}", machines.num_rows, odd))
    raise SchemaMismatchError(f"{uri}: files that its manifest names are gone; unload the inventory of {month} again.")


def no_inventory(month: str) -> Snapshot:
    """Return that no machine is known at a month."""
    return Snapshot(_empty(), None, None, None)


def newest_manifest(prefix: str, not_after: str) -> tuple[str, Manifest] | None:
    """Return the month and manifest of the newest published snapshot whose month is at or before `not_after`."""
    for month in snapshot_months(prefix):
        manifest = read_manifest(snapshot_uri(prefix, month)) if month <= not_after else None
        if manifest:
            return month, manifest
    return None


def _read(uri: str, manifest: Manifest, output: InventoryOutput) -> pa.Table:
    schema = snapshot_schema(output)
    table = manifest.tables.get(MACHINE_INVENTORY.name)
    if table is None or table.schema_sha256 != schema_sha256(schema):
        raise SchemaMismatchError(
            f"{uri} was not written with columns {', '.join(schema.names)}; unload it again, or put back "
            "output.ip_output_column and output.name_output_column."
        )
    tables = []
    for file in table_files(uri, manifest, MACHINE_INVENTORY.name):
        system, path = filesystem(file)
        read = pq.read_table(path, filesystem=system, columns=schema.names[:2], partitioning=None)
        tables.append(read.rename_columns(_empty().column_names).cast(_empty().schema))
    return pa.concat_tables(tables) if tables else _empty()


def _names_by_address(machines: pa.Table) -> tuple[dict[str, str | None], int]:
    """Return the name of each address in its one spelling, and the number of texts that are not addresses."""
    names: dict[str, str | None] = {}
    odd = 0
    for text, name in zip(*machines.to_pydict().values(), strict=True):
        address = canonical_address(text)
        if address is None:
            odd += 1
            continue
        names[address] = max(names.get(address) or "", name or "") or None
    return names, odd


def _table(names: dict[str, str | None]) -> pa.Table:
    addresses = sorted(names)
    return pa.table([addresses, [names[address] for address in addresses]], schema=_empty().schema)


def _note(place: str, rows: int, odd: int) -> str | None:
    if not rows:
        return f"The inventory of {place} is empty."
    return (
        f"{odd} of {counted(rows, 'row')} of the inventory of {place} {agreeing(odd, 'holds', 'hold')} no IP "
        f"address and {agreeing(odd, 'matches', 'match')} no host."
        if odd
        else None
    )


def _empty() -> pa.Table:
    return arrow_schema(MACHINE_INVENTORY).empty_table().select(["ip_address", "machine_name"])
