"""Where two JSON documents differ."""

from __future__ import annotations

from typing import Any


def differences(before: Any, after: Any, path: str = "") -> list[str]:
    """Return the paths of the values that differ, such as `Steps.DeltaBuilderStep.Arguments.RoleArn`.

    An element of a list goes by its `Name`, if all elements have one, else by its number.
    """
    parts = _parts(before), _parts(after)
    if parts[0] is None or parts[1] is None:
        return [] if before == after else [path]
    names = [*parts[0], *(name for name in parts[1] if name not in parts[0])]
    return [
        found
        for name in names
        for found in differences(parts[0].get(name), parts[1].get(name), f"{path}.{name}".lstrip("."))
    ]


def _parts(value: Any) -> dict[str, Any] | None:
    if isinstance(value, dict):
        return value
    if not isinstance(value, list):
        return None
    named = all(isinstance(each, dict) and "Name" in each for each in value)
    return {str(each["Name"] if named else number): each for number, each in enumerate(value)}
