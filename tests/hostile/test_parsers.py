"""Whatever a parser is given, it succeeds or raises a named error; `make fuzz` tries far more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, settings
from pyarrow import fs
from tests.hostile.parsers import DAY_ONE, DELTA_SPEC, FLOW, PARSERS, good_manifest
from tests.hostile.stand_in import OUTPUT
from tests.jobs.job_chain import Project

from ndr.contract.errors import InvalidRequestError, SchemaMismatchError
from ndr.jobs.deltas.read import read_integration
from ndr.jobs.inventory.snapshot import newest_snapshot
from ndr.spark.instances import read_instances
from ndr.store.manifest import read_manifest
from ndr.store.storage import put_bytes


@pytest.mark.parametrize("name", PARSERS)
def test_hostile_input_ends_in_success_or_a_named_error(name: str) -> None:
    parser: Any = PARSERS[name]
    settings(max_examples=200, suppress_health_check=list(HealthCheck))(parser)()


# What was found by such inputs, each once more by hand.


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (pa.array([[1], None, []]), "here is source_ip: list"),
        (pa.array([{"a": 1}] * 3), "here is source_ip: struct"),
        (pa.array([2**62] * 3, pa.time64("us")), "can't be read as a flow's"),
        (pa.array([b"\xff"] * 3), "can't be read as a flow's"),
    ],
)
def test_a_column_of_no_readable_type_names_its_file(column: pa.Array, said: str, tmp_path: Path) -> None:
    path = tmp_path / "flows.parquet"
    pq.write_table(pa.table({**{name: [value] * 3 for name, value in FLOW.items()}, "source_ip": column}), path)
    with pytest.raises(SchemaMismatchError, match=r"flows\.parquet") as refusal:
        read_integration(fs.LocalFileSystem(), [str(path)], DELTA_SPEC)
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    "content", ["[" * 100_000, '{"hosts": [""], "current_host": ""}', '{"hosts": [1, 2], "current_host": 1}']
)
def test_a_resourceconfig_that_names_no_hosts(content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NDR_OPT_ML", str(tmp_path))
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "resourceconfig.json").write_text(content)
    with pytest.raises(InvalidRequestError, match="does not name the job's instances"):
        read_instances()


def test_a_folder_whose_digits_are_no_date_is_passed_over(tmp_path: Path) -> None:
    project = Project(tmp_path)
    for name in ("20261399T000000Z-PT15M", "20260105T000000Z-PT999999999999M", "20260105T000000Z-PT0M"):
        put_bytes(f"{project.uri('integration')}{name}/part.json", b"{}")
        put_bytes(f"{project.uri('deltas')}dt=2026-01-05/{name}/_manifest.json", b"{}")
    (manifest,) = project.deltas(DAY_ONE)
    assert manifest.note is not None
    assert manifest.note.startswith("Nothing was delivered")
    assert len(project.pair_counts(DAY_ONE)) == 1


@pytest.mark.parametrize("path", ["/etc/passwd", "../other/deltas-00000.parquet", "r1/../../x", "r1/\0"])
def test_a_manifest_names_no_file_outside_its_partition(path: str, tmp_path: Path) -> None:
    manifest = good_manifest()
    manifest["tables"]["deltas"]["files"][0]["path"] = path
    put_bytes(f"{tmp_path.as_uri()}/_manifest.json", json.dumps(manifest).encode())
    with pytest.raises(SchemaMismatchError, match="is not a manifest"):
        read_manifest(tmp_path.as_uri())


def test_a_snapshot_whose_manifest_has_no_inventory(tmp_path: Path) -> None:
    manifest = good_manifest()
    del manifest["tables"]["machine_inventory"]
    put_bytes(f"{tmp_path.as_uri()}/snapshot_month=2026-01/_manifest.json", json.dumps(manifest).encode())
    with pytest.raises(SchemaMismatchError, match="was not written with columns"):
        newest_snapshot(OUTPUT.model_copy(update={"s3_prefix": tmp_path.as_uri() + "/"}), "2026-01")
