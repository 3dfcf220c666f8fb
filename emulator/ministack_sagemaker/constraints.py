"""Check a request against the service's own model: required members, types, lengths, patterns, enums."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from botocore.model import Shape

_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float, str),
    "blob": (str,),
}


def violations(value: Any, shape: Shape | None, path: str = "") -> list[str]:
    """Return the constraints of the service's model that a request violates.

    Parameters
    ----------
    value
        The request, as read from JSON.
    shape
        The operation's input shape, None when it takes no input.
    path
        Path of the value in the request, in the dotted form of the service.

    Returns
    -------
    list of str
        One sentence for each violated constraint, with the text of AWS.
    """
    return [] if shape is None else list(_violations(value, shape, path))


def _violations(value: Any, shape: Any, path: str) -> Iterator[str]:
    expected: tuple[Any, ...] = _PYTHON_TYPES[shape.type_name]
    if not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected):
        yield f"Value {value!r} at '{path}' failed to satisfy constraint: Member must be of type {shape.type_name}"
        return
    yield from _own_violations(value, shape, path)
    if shape.type_name == "structure":
        yield from _structure_violations(value, shape, path)
    elif shape.type_name == "list":
        for index, item in enumerate(value, start=1):
            yield from _violations(item, shape.member, f"{path}.{index}.member")
    elif shape.type_name == "map":
        for key, item in value.items():
            yield from _violations(item, shape.value, f"{path}.{key}")


def _structure_violations(value: dict[str, Any], shape: Any, path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield (f"Value null at '{_member(path, name)}' failed to satisfy constraint: Member must not be null")
    for name, item in value.items():
        if name not in shape.members:
            yield f"Unknown parameter '{_member(path, name)}', must be one of: {', '.join(sorted(shape.members))}"
        elif item is not None:
            yield from _violations(item, shape.members[name], _member(path, name))


def _own_violations(value: Any, shape: Shape, path: str) -> Iterator[str]:
    failed = f"Value '{value}' at '{path}' failed to satisfy constraint: Member must "
    minimum, maximum = shape.metadata.get("min"), shape.metadata.get("max")
    sized = shape.type_name in ("string", "list", "map")
    measure = len(value) if sized else value
    what = "have length" if sized else "have value"
    if minimum is not None and measure < minimum:
        yield failed + f"{what} greater than or equal to {minimum}"
    if maximum is not None and measure > maximum:
        yield failed + f"{what} less than or equal to {maximum}"
    enum = getattr(shape, "enum", None)
    if enum and value not in enum:
        yield failed + f"satisfy enum value set: [{', '.join(enum)}]"
    pattern = shape.metadata.get("pattern")
    # The patterns are Java's. Python's `re` cannot read Java's Unicode classes; such a pattern is not checked.
    if pattern and "\\p{" not in pattern and isinstance(value, str) and not re.fullmatch(pattern, value, re.DOTALL):
        yield failed + f"satisfy regular expression pattern: {pattern}"


def _member(path: str, name: str) -> str:
    written = name[:1].lower() + name[1:]
    return f"{path}.{written}" if path else written
