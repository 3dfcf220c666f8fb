"""Evaluation of the expressions `{"Get": ...}` and `{"Std:Join": ...}` in a definition."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ministack_sagemaker.aws_json import ServiceError


def resolve(value: Any, lookup: Callable[[str], Any]) -> Any:
    """Replace every expression in a part of a definition by its value.

    Parameters
    ----------
    value
        Any part of a definition.
    lookup
        Gives the value of a reference such as `Parameters.Horizon` or `Execution.PipelineName`.

    Raises
    ------
    ServiceError
        `ValidationException` for an expression that this emulator does not evaluate.
    """
    if isinstance(value, list):
        return [resolve(item, lookup) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Get"}:
        return lookup(value["Get"])
    if set(value) == {"Std:Join"}:
        join = value["Std:Join"]
        return join.get("On", "").join(_as_text(resolve(item, lookup)) for item in join["Values"])
    unknown = [key for key in value if key.startswith("Std:")]
    if unknown:
        raise ServiceError("ValidationException", f"This emulator evaluates Get and Std:Join, not {unknown[0]}.")
    return {key: resolve(item, lookup) for key, item in value.items()}


def references(value: Any) -> Iterator[str]:
    """Yield every reference in a part of a definition, such as `Steps.Load.ProcessingJobArn`."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        if set(value) == {"Get"} and isinstance(value["Get"], str):
            yield value["Get"]
        else:
            for item in value.values():
                yield from references(item)


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
