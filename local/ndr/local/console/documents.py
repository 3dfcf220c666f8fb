"""What ``--json`` prints: one JSON document."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Set
from datetime import datetime
from decimal import Decimal
from typing import Any

import typer

from ndr.contract.time import format_instant


def print_document(document: Mapping[str, object]) -> None:
    """Print a JSON object on standard output. Characters outside ASCII are escaped, so that no terminal obeys them."""
    typer.echo(json.dumps(json_value(document), indent=2))


def json_value(value: object) -> Any:
    """Return a value as JSON has it: instants as text in UTC, numbers as numbers, what JSON does not have as null.

    Parameters
    ----------
    value
        What a cell of a table has, or a mapping or a list of such values. Another object becomes its text.
    """
    if isinstance(value, float):  # before str and int: some are of two types
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Decimal):
        return json_value(int(value) if value == value.to_integral_value() else float(value))
    if isinstance(value, datetime):
        return format_instant(value.replace(microsecond=0))
    if isinstance(value, Mapping):
        return {str(key): json_value(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, Set)):
        return [json_value(each) for each in value]
    return str(value)
