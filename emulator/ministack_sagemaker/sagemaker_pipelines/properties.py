"""Properties of a finished step, which later steps refer to."""

from __future__ import annotations

import re
from typing import Any

from ministack_sagemaker.aws_json import ServiceError

_SEGMENT = re.compile(r"\.?(?P<member>\w+)|\[(?P<index>\d+)\]|\['(?P<key>[^']*)'\]")
_NAMED_BY = ("OutputName", "InputName")


def step_property(described: dict[str, Any], path: str) -> Any:
    """Follow a property path such as `ProcessingOutputConfig.Outputs['features'].S3Output.S3Uri`.

    Parameters
    ----------
    described
        The answer of DescribeProcessingJob for the job of the step.
    path
        Members by dot, list items by index or by their `OutputName` or `InputName`.

    Raises
    ------
    ServiceError
        `ValidationException` if the job has no such property.
    """
    value: Any = described
    for segment in _SEGMENT.finditer(path):
        try:
            if segment["index"] is not None:
                value = value[int(segment["index"])]
            elif segment["key"] is not None:
                value = _named(value, segment["key"])
            else:
                value = value[segment["member"]]
        except (KeyError, IndexError, TypeError) as error:
            raise ServiceError("ValidationException", f"The step has no property {path}.") from error
    return value


def _named(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return value[name]
    for item in value:
        if any(item.get(by) == name for by in _NAMED_BY):
            return item
    raise KeyError(name)
