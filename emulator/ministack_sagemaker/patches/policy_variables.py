"""Variables in the conditions of policies, such as `${aws:userid}`.

MiniStack lacks this: it compares the text of the variable.
"""

from __future__ import annotations

import re
from typing import Any

from ministack.core import iam_evaluator


def substitute() -> None:
    """Replace a variable in a condition by the caller's value of that key."""
    met = iam_evaluator._conditions_met

    def conditions_met(conditions: dict[str, Any], context: Any) -> bool:
        return met(_filled(conditions, context), context)

    iam_evaluator._conditions_met = conditions_met


def _filled(value: Any, context: Any) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, context) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, context) for item in value]
    if not isinstance(value, str):
        return value
    return re.sub(r"\$\{([\w:/-]+)\}", lambda found: _value(found, context), value)


def _value(found: re.Match[str], context: Any) -> str:
    value = iam_evaluator._resolve_condition_key(found[1], context)
    return found[0] if value is None else str(value)
