"""Parameters of a pipeline: declarations in a definition, values in an execution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack_sagemaker.aws_json import ServiceError

_READERS: dict[str, Callable[[str], Any]] = {
    "String": str,
    "Integer": int,
    "Float": float,
    "Boolean": lambda text: {"true": True, "false": False}[text.lower()],
}


def check_declarations(declared: list[dict[str, Any]]) -> None:
    """Check the parameter declarations of a definition.

    Raises
    ------
    ServiceError
        `ValidationException` for a name declared twice, an unknown type, or a default outside `EnumValues`.
    """
    names = [parameter.get("Name") for parameter in declared]
    for parameter in declared:
        name, type_name = parameter.get("Name"), parameter.get("Type")
        if not name or names.count(name) > 1:
            raise ServiceError("ValidationException", f"Parameter name {name!r} must be present and unique.")
        if type_name not in _READERS:
            raise ServiceError(
                "ValidationException",
                f"Parameter {name} has type {type_name!r}; the types are {', '.join(_READERS)}.",
            )
        if "DefaultValue" in parameter:
            _read(parameter, str(parameter["DefaultValue"]))


def bind(declared: list[dict[str, Any]], given: list[dict[str, str]]) -> dict[str, Any]:
    """Bind an execution's parameters.

    Parameters
    ----------
    declared
        `Parameters` of the definition.
    given
        `PipelineParameters` of the request: names and values, both strings.

    Returns
    -------
    dict
        Value by name, in the declared types, defaults included.

    Raises
    ------
    ServiceError
        `ValidationException` for a name that is not declared or given twice, for an empty value, for one that its type
        or its `EnumValues` do not allow, and for a parameter with neither value nor default.
    """
    if any(item["Value"] == "" for item in given):  # which the service's model allows, and the service does not
        raise ServiceError("ValidationException", '[string "" is too short (length: 0, required minimum: 1)]')
    values = {item["Name"]: item["Value"] for item in given}
    unknown = sorted(set(values) - {parameter["Name"] for parameter in declared})
    if unknown:
        raise ServiceError(
            "ValidationException",
            f"Unknown parameters were provided: [{', '.join(unknown)}]. "
            f"The pipeline declares: [{', '.join(parameter['Name'] for parameter in declared)}].",
        )
    if len(values) < len(given):
        raise ServiceError("ValidationException", "A pipeline parameter was provided more than once.")
    return {parameter["Name"]: _bound(parameter, values) for parameter in declared}


def _bound(parameter: dict[str, Any], values: dict[str, str]) -> Any:
    name = parameter["Name"]
    if name in values:
        return _read(parameter, values[name])
    if "DefaultValue" in parameter:
        return _read(parameter, str(parameter["DefaultValue"]))
    raise ServiceError("ValidationException", f"Parameter [{name}] has no default value and must be provided.")


def _read(parameter: dict[str, Any], text: str) -> Any:
    name, type_name = parameter["Name"], parameter["Type"]
    try:
        value = _READERS[type_name](text)
    except (ValueError, KeyError) as error:
        raise ServiceError(
            "ValidationException", f"Value {text!r} of parameter [{name}] is not of type {type_name}."
        ) from error
    allowed = parameter.get("EnumValues")
    if allowed and value not in allowed:
        raise ServiceError(
            "ValidationException",
            f"Value {text!r} of parameter [{name}] is not among its EnumValues: "
            f"[{', '.join(str(item) for item in allowed)}].",
        )
    return value
