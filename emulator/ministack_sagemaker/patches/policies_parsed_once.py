"""Policy documents, each parsed once.

MiniStack parses every policy of the caller's role twice a request.
"""

from __future__ import annotations

import functools
from typing import Any, Final

from ministack.core import iam_evaluator

KEPT: Final = 1024
"""Documents that are kept: those of all roles of some stacks."""


def keep() -> None:
    """Let a document be parsed when it is first met, and again only when its text has changed."""
    parse = iam_evaluator.parse_policy_document
    parse_text = functools.lru_cache(KEPT)(parse)

    def parse_once(document: str | dict[str, Any]) -> list[iam_evaluator.ParsedStatement]:
        return parse_text(document) if isinstance(document, str) else parse(document)

    iam_evaluator.parse_policy_document = parse_once
