"""What pydantic finds wrong in a document, as sentences that tell the person what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, Final

from pydantic_core import PydanticCustomError

_WHOLE: Final = "whole_sentence"


def whole_sentence(sentence: str) -> PydanticCustomError:
    """Return a validation error whose text already names its field, so that nothing is put before or after it."""
    return PydanticCustomError(_WHOLE, "{sentence}", {"sentence": sentence.rstrip(".")})


def problem_sentence(problem: Any, path: Iterable[str | int], allowed: Iterable[str]) -> str:
    """Return one problem of `ValidationError.errors()` as a sentence without its full stop.

    Parameters
    ----------
    problem : dict
        One item of `ValidationError.errors()`.
    path : iterable of str or int
        Where the problem is, as the person sees it.
    allowed : iterable of str
        The fields that the document may have at the problem's level.
    """
    if problem["type"] == _WHOLE:
        return str(problem["msg"])
    return f"{'.'.join(map(str, path))}: {_found_and_allowed(problem, list(allowed))}"


def _found_and_allowed(problem: Any, allowed: list[str]) -> str:
    if problem["type"] in ("extra_forbidden", "unexpected_keyword_argument"):  # of a model, of a dataclass
        found = str(problem["loc"][-1])
        close = difflib.get_close_matches(found, allowed, n=1)
        hint = f", did you mean {close[0]!r}?" if close else "."
        return f"no such field{hint} Allowed are {', '.join(allowed)}"
    if problem["type"] == "missing":
        return "is missing and has no default; add it"
    found = repr(problem["input"])
    return f"{problem['msg'].removeprefix('Value error, ')} (found {found[:80]}{'…' if len(found) > 80 else ''})"
