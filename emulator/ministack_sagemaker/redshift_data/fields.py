"""Result sets in the form of GetStatementResult."""

from __future__ import annotations

import base64
import datetime
from typing import Any

# Redshift's type names; all other types are varchar.
_TYPES = {
    "BOOLEAN": "bool",
    "TINYINT": "int2",
    "SMALLINT": "int2",
    "INTEGER": "int4",
    "BIGINT": "int8",
    "HUGEINT": "numeric",
    "FLOAT": "float4",
    "DOUBLE": "float8",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "TIME": "time",
    "BLOB": "varbyte",
    "JSON": "super",
}
_SIGNED = ("int2", "int4", "int8", "float4", "float8", "numeric")


def column_metadata(description: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Return column metadata from a DuckDB cursor's description."""
    return [_column(name, str(type_)) for name, type_, *_ in description]


def record(row: tuple[Any, ...]) -> list[dict[str, Any]]:
    """Return one row as a list of fields."""
    return [_field(value) for value in row]


def _column(name: str, duckdb_type: str) -> dict[str, Any]:
    decimal = duckdb_type.startswith("DECIMAL")
    type_name = "numeric" if decimal else _TYPES.get(duckdb_type, "varchar")
    precision, scale = duckdb_type[8:-1].split(",") if decimal else ("0", "0")
    return {
        "name": name,
        "label": name,
        "typeName": type_name,
        "columnDefault": None,
        "isCaseSensitive": type_name == "varchar",
        "isCurrency": False,
        "isSigned": type_name in _SIGNED,
        "nullable": 1,
        "precision": int(precision),
        "scale": int(scale),
        "schemaName": "",
        "tableName": "",
        "length": 0,
    }


def _field(value: Any) -> dict[str, Any]:
    if value is None:
        return {"isNull": True}
    if isinstance(value, bool):
        return {"booleanValue": value}
    if isinstance(value, int):
        return {"longValue": value} if abs(value) < 2**63 else {"stringValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, bytes):
        return {"blobValue": base64.b64encode(value).decode()}
    if isinstance(value, datetime.datetime):
        text = value.isoformat(sep=" ")
        return {"stringValue": text.replace("+00:00", "+00") if value.tzinfo else text}
    return {"stringValue": str(value)}
