"""What a manifest says of itself is verified when it is read; every error names the file and what to do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from ndr.contract.errors import SchemaMismatchError
from ndr.contract.manifest import FORMAT, Owner, check_owner, parse_manifest

URI = "s3://data/deltas/dt=2026-01-05/20260105T060000Z-PT15M/_manifest.json"
FILE = {"path": "run/deltas-00000.parquet", "rows": 3, "bytes": 900}
GOOD: dict[str, Any] = {
    "format": FORMAT,
    "dataset": "deltas",
    "project_name": "p",
    "feature_spec_version": "v1",
    "start": "2026-01-05T06:00:00Z",
    "end": "2026-01-05T06:15:00Z",
    "tables": {"deltas": {"rows": 3, "schema_sha256": "x", "files": [FILE]}},
    "rows": {"rows_in": 4, "rows_used": 3, "rows_quarantined": 1},
    "code_version": "c",
    "run_id": "r",
    "published_at": "2026-01-05T06:20:00Z",
}


def _parsed(**changes: Any) -> Any:
    return parse_manifest(URI, json.dumps(GOOD | changes).encode())


def _table(rows: int, *files: dict[str, Any]) -> dict[str, Any]:
    return {"deltas": {"rows": rows, "schema_sha256": "x", "files": list(files)}}


def test_a_manifest_of_this_release_and_of_the_first_format_are_read() -> None:
    assert _parsed().format == FORMAT
    first = {name: value for name, value in GOOD.items() if name != "format"}
    assert parse_manifest(URI, json.dumps(first).encode()).format == 1


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"tables": _table(9, FILE)}, "the table has 9 rows and its files have 3"),
        ({"tables": _table(6, FILE, FILE)}, "it names run/deltas-00000.parquet 2 times"),
        ({"tables": _table(-3, FILE | {"rows": -3})}, "greater than or equal to 0"),
        ({"tables": _table(3, FILE | {"bytes": -1})}, "greater than or equal to 0"),
        ({"tables": _table(3, FILE | {"path": "../other.parquet"})}, "is not a path below the partition"),
        ({"coverage": 7}, "coverage: Input should be less than or equal to 1"),
        (
            {"coverage": 7, "format": 3.5},
            "format: Input should be a valid integer, got a number with a fractional part, and 1 more)",
        ),
        ({"coverage": 1.001}, "(coverage: Input should be less than or equal to 1);"),
        ({"coverage": -0.5}, "coverage: Input should be greater than or equal to 0"),
        ({"coverage": float("nan")}, "coverage: "),
        ({"rows": {"rows_in": 9, "rows_used": 3, "rows_quarantined": 1}}, "the rows that came in are not those"),
        ({"end": "2026-01-05T06:00:00Z"}, "its time ends before it starts"),
        ({"start": "2026-01-05T06:00:00"}, "start: Input should have timezone info"),
        ({"surprise": 1}, "surprise: Extra inputs are not permitted"),
        ({"format": 0}, "format: Input should be greater than or equal to 1"),
    ],
)
def test_what_contradicts_itself_is_refused(changes: dict[str, Any], found: str) -> None:
    with pytest.raises(SchemaMismatchError) as caught:
        _parsed(**changes)
    message = str(caught.value)
    assert message.startswith(f"{URI} is not a manifest (")
    assert found in message
    assert message.endswith("; publish the partition again.")


def test_a_manifest_of_no_files_is_of_full_coverage_and_never_changes() -> None:
    manifest = _parsed(tables={})
    assert (manifest.tables, manifest.coverage) == ({}, 1.0)
    assert _parsed(coverage=0.25).coverage == 0.25
    with pytest.raises(ValidationError, match="frozen"):
        manifest.coverage = 0.5


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"nonsense", b"{}"])
def test_what_is_not_a_manifest_names_its_uri(content: bytes) -> None:
    with pytest.raises(SchemaMismatchError, match=r"_manifest\.json is not a manifest \(.*publish the partition again"):
        parse_manifest(URI, content)


def test_a_newer_format_says_so() -> None:
    with pytest.raises(SchemaMismatchError) as caught:
        _parsed(format=FORMAT + 1, surprise=1)
    assert str(caught.value).startswith(f"{URI} was written by a newer release (format {FORMAT + 1}, ")


def test_data_of_another_project_version_or_dataset_is_refused() -> None:
    manifest = _parsed()
    check_owner(URI, manifest, "deltas", Owner("p", "v1"))
    check_owner(URI, manifest, "deltas", None)
    with pytest.raises(
        SchemaMismatchError, match="belongs to project p, version v1, and this run is of project p, ver"
    ):
        check_owner(URI, manifest, "deltas", Owner("p", "v2"))
    with pytest.raises(SchemaMismatchError, match="belongs to project p"):
        check_owner(URI, manifest, "deltas", Owner("q", "v1"))
    with pytest.raises(SchemaMismatchError, match="holds deltas, not pair_counts"):
        check_owner(URI, manifest, "pair_counts", Owner("p", "v1"))


def test_what_was_read_is_left_out_only_where_that_is_asked() -> None:
    reads = [{"dataset": "deltas", "start": GOOD["start"], "end": GOOD["end"]}]
    content = json.dumps(GOOD | {"reads": reads}).encode()
    assert [each.dataset for each in parse_manifest(URI, content).reads] == ["deltas"]
    assert parse_manifest(URI, content, without_reads=True).reads == ()


def test_a_compacted_partition_describes_what_it_was_compacted_from() -> None:
    span = {"start": GOOD["start"], "end": GOOD["end"]}
    parts = [{"uri": f"s3://data/deltas/{name}", "run_id": "r", **span} for name in ("one", "two", "three")]
    about = {"code_version": "c", "published_at": GOOD["published_at"], "coverage": 1.0}
    assert len(_parsed(compacted_from=parts, compacted_versions=[part | about for part in parts]).compacted_from) == 3
    with pytest.raises(SchemaMismatchError, match="it does not describe s3://data/deltas/two, which it was compacted"):
        _parsed(compacted_from=parts, compacted_versions=[parts[0] | about])
