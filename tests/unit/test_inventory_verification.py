"""What an unloaded snapshot must hold, and that a copy equals its source."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ndr.contract.errors import JobSpecInvalidError, SchemaMismatchError, UnloadVerificationError
from ndr.contract.jobspecs.machine_inventory_unload import InventoryOutput, InventoryQuery, MachineInventoryUnloadSpec
from ndr.contract.jobspecs.machine_inventory_unload import Redshift as Connection
from ndr.contract.manifest import Manifest, TableEntry
from ndr.jobs.inventory.layout import file_prefix, month_interval, run_id_of, snapshot_schema, snapshot_uri, staging_uri
from ndr.jobs.inventory.redshift_data import Statements, redshift_data_client
from ndr.jobs.inventory.snapshot import newest_snapshot
from ndr.jobs.inventory.unload import Unload
from ndr.jobs.inventory.verification import verify_copy, verify_unloaded
from ndr.jobs.run import job_logger
from ndr.store.footer import schema_sha256
from ndr.store.manifest import put_manifest
from ndr.store.publish import new_run_id

OUTPUT = InventoryOutput(s3_prefix="s3://ndr-data/machine_inventory/", ip_output_column="ip", name_output_column="name")
SCHEMA = snapshot_schema(OUTPUT)
GOOD = {"ip": ["10.0.0.1", "10.0.0.2"], "name": ["a", None], "snapshot_month": ["2026-01", "2026-01"]}


def _file(folder: Path, columns: dict[str, list[str | None]], schema: pa.Schema = SCHEMA) -> list[str]:
    pq.write_table(pa.table(columns, schema), folder / "one.parquet")
    return ["one.parquet"]


def test_what_holds_goes_into_the_manifest(tmp_path: Path) -> None:
    names = _file(tmp_path, GOOD)
    (entry,) = verify_unloaded(tmp_path.as_uri(), names, SCHEMA, 2, "2026-01")
    assert (entry.path, entry.rows, entry.bytes) == ("one.parquet", 2, (tmp_path / "one.parquet").stat().st_size)


@pytest.mark.parametrize(
    ("change", "machines", "said"),
    [
        ({}, 3, "counted 3 machines, UNLOAD wrote 2 rows"),
        ({"ip": ["10.0.0.1", "10.0.0.1"]}, 2, "2 rows and 1 distinct address"),
        ({"ip": ["10.0.0.1", None]}, 2, "2 rows and 1 distinct address"),
        ({"snapshot_month": ["2026-01", "2025-12"]}, 2, "rows of ['2025-12'] where only 2026-01"),
        ({"snapshot_month": ["2026-01", None]}, 2, "rows of ['None'] where only 2026-01"),
    ],
)
def test_what_does_not_hold_is_named_with_the_staging_that_is_kept(
    tmp_path: Path, change: dict[str, list[str | None]], machines: int, said: str
) -> None:
    names = _file(tmp_path, {**GOOD, **change})
    with pytest.raises(UnloadVerificationError) as failure:
        verify_unloaded(tmp_path.as_uri(), names, SCHEMA, machines, "2026-01")
    assert said in str(failure.value)
    assert tmp_path.as_uri() in str(failure.value)
    assert "kept for inspection" in str(failure.value)


def test_other_columns_are_named(tmp_path: Path) -> None:
    renamed = pa.schema([("address", pa.string()), *list(SCHEMA)[1:]])
    names = _file(
        tmp_path, {"address": GOOD["ip"], "name": GOOD["name"], "snapshot_month": GOOD["snapshot_month"]}, renamed
    )
    with pytest.raises(UnloadVerificationError, match="has columns address string, .* where ip string, name string"):
        verify_unloaded(tmp_path.as_uri(), names, SCHEMA, 2, "2026-01")


def test_a_truncated_file_names_itself(tmp_path: Path) -> None:
    names = _file(tmp_path, GOOD)
    whole = (tmp_path / names[0]).read_bytes()
    (tmp_path / names[0]).write_bytes(whole[:-10])
    with pytest.raises(UnloadVerificationError, match=r"one\.parquet can't be read as Parquet"):
        verify_unloaded(tmp_path.as_uri(), names, SCHEMA, 2, "2026-01")


def test_no_file_where_machines_were_counted(tmp_path: Path) -> None:
    with pytest.raises(UnloadVerificationError, match="counted 2 machines, UNLOAD wrote 0 rows"):
        verify_unloaded(tmp_path.as_uri(), [], SCHEMA, 2, "2026-01")


def test_a_copy_of_the_same_size_with_other_bytes_is_found(tmp_path: Path) -> None:
    staging, partition = tmp_path / "staging", tmp_path / "partition"
    for folder, content in ((staging, b"0123"), (partition, b"0124")):
        folder.mkdir()
        (folder / "x").write_bytes(content)
    with pytest.raises(UnloadVerificationError, match=r"x holds 4 bytes \(sha256 1be2e452b46d\) in .*staging"):
        verify_copy(staging.as_uri(), partition.as_uri(), "x")
    (partition / "x").write_bytes(b"0123")
    verify_copy(staging.as_uri(), partition.as_uri(), "x")


def test_unload_to_a_local_folder_is_refused_before_redshift_is_asked(tmp_path: Path) -> None:
    connection = Connection(
        workgroup_name="w",
        database="d",
        secret_arn="arn:aws:secretsmanager:x",
        region="us-east-1",
        iam_role="arn:aws:iam::123456789012:role/R",
    )
    query = InventoryQuery.model_validate({"schema": "s", "table": "t", "ip_column": "i", "name_column": "n"})
    local = InventoryOutput(s3_prefix=tmp_path.as_uri())
    spec = MachineInventoryUnloadSpec(redshift=connection, query=query, output=local)
    statements = Statements(redshift_data_client("us-east-1"), connection, new_run_id())
    with pytest.raises(JobSpecInvalidError, match=r"UNLOAD writes to S3 only; write s3://bucket/path/"):
        Unload(spec, "2026-01", statements, cast(Any, None), job_logger("test")).publish()


def _publish(output: InventoryOutput, month: str, names: list[str]) -> None:
    schema = snapshot_schema(output)
    entry = TableEntry(rows=0, schema_sha256=schema_sha256(schema), files=())
    files = tuple({"path": name, "rows": 1, "bytes": 1} for name in names)
    interval = month_interval(month)
    manifest = Manifest(
        dataset="machine_inventory",
        project_name="p",
        feature_spec_version="v1",
        start=interval.start,
        end=interval.end,
        tables={
            "machine_inventory": TableEntry.model_validate({**entry.model_dump(), "rows": len(names), "files": files})
        },
        code_version="c",
        run_id=new_run_id(),
        published_at=datetime.now(UTC),
    )
    put_manifest(snapshot_uri(output.s3_prefix, month), manifest)


def test_a_snapshot_comes_back_under_the_contracts_names(tmp_path: Path) -> None:
    output = OUTPUT.model_copy(update={"s3_prefix": tmp_path.as_uri() + "/"})
    folder = tmp_path / "snapshot_month=2026-01"
    folder.mkdir()
    _publish(output, "2026-01", _file(folder, GOOD))
    snapshot = newest_snapshot(output, "2026-03")
    assert snapshot.machines.to_pydict() == {"ip_address": ["10.0.0.1", "10.0.0.2"], "machine_name": ["a", None]}
    assert (snapshot.month, snapshot.note) == ("2026-01", None)
    assert snapshot.source is not None
    assert snapshot.source.uri.endswith("/snapshot_month=2026-01")

    renamed = output.model_copy(update={"ip_output_column": "address"})
    with pytest.raises(SchemaMismatchError, match="was not written with columns address, name, snapshot_month"):
        newest_snapshot(renamed, "2026-03")


def test_a_snapshots_addresses_are_spelled_as_hosts_are(tmp_path: Path) -> None:
    output = OUTPUT.model_copy(update={"s3_prefix": tmp_path.as_uri() + "/"})
    folder = tmp_path / "snapshot_month=2026-01"
    folder.mkdir()
    rows = [("2001:DB8:0::1", "a"), ("2001:db8::1", "b"), ("::ffff:10.0.0.9", None), ("10.0.0.2", ""), ("printer", "p")]
    addresses, machine_names = ([row[at] for row in rows] for at in (0, 1))
    content = {"ip": addresses, "name": machine_names, "snapshot_month": ["2026-01"] * 5}
    _publish(output, "2026-01", _file(folder, content))
    snapshot = newest_snapshot(output, "2026-01")
    assert snapshot.machines.to_pydict() == {
        "ip_address": ["10.0.0.2", "10.0.0.9", "2001:db8::1"],
        "machine_name": [None, None, "b"],
    }
    place = f"2026-01 in {output.s3_prefix}"
    assert snapshot.note == f"1 of 5 rows of the inventory of {place} holds no IP address and matches no host."


def test_a_file_that_is_gone_names_the_snapshot(tmp_path: Path) -> None:
    output = OUTPUT.model_copy(update={"s3_prefix": tmp_path.as_uri() + "/"})
    _publish(output, "2026-01", ["gone.parquet"])
    with pytest.raises(SchemaMismatchError, match=r"snapshot_month=2026-01: files that its manifest names are gone"):
        newest_snapshot(output, "2026-01")


def test_layout() -> None:
    run_id = new_run_id()
    assert snapshot_uri("s3://b/p/", "2026-01") == "s3://b/p/snapshot_month=2026-01"
    assert staging_uri("s3://b/p/", "2026-01", run_id) == f"s3://b/p/_staging/snapshot_month=2026-01/{run_id}"
    assert run_id_of(f"{file_prefix(run_id)}0000_part_00.parquet") == run_id
    assert run_id_of("0000_part_00.parquet") is None
    assert str(month_interval("2025-12")) == "[2025-12-01T00:00:00Z, 2026-01-01T00:00:00Z)"
