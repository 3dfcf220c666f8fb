"""Pipeline definitions compared by what they say rather than by how their JSON happens to be written."""

from __future__ import annotations

import difflib
import hashlib
import json

DIFF_LINE_LIMIT = 200
DIFF_LINE_WIDTH = 240


def canonical_definition(definition: str) -> str:
    """Return a definition as JSON with sorted keys, one value a line; lists keep their order, which has meaning."""
    return json.dumps(json.loads(definition), indent=2, sort_keys=True, ensure_ascii=False)


def definition_digest(definition: str) -> str:
    """Return the SHA-256, in hex, of a definition's canonical JSON."""
    return hashlib.sha256(canonical_definition(definition).encode()).hexdigest()


def definition_diff(registered: str | None, built: str) -> str:
    """Return what registering a definition would change, as a unified diff of canonical JSON.

    Parameters
    ----------
    registered : str or None
        The definition in the account, None when there is none yet.
    built : str
        The definition that the sources yield.

    Returns
    -------
    str
        Empty when both say the same. At most 200 lines of 240 characters and a line that says how many were left out,
        so that a whole answer stays well inside a Step Functions payload (256 KiB).
    """
    before = canonical_definition(registered).splitlines() if registered else []
    after = canonical_definition(built).splitlines()
    lines = list(difflib.unified_diff(before, after, "registered", "built", lineterm=""))
    shown = [line if len(line) <= DIFF_LINE_WIDTH else f"{line[: DIFF_LINE_WIDTH - 1]}…" for line in lines]
    if len(shown) > DIFF_LINE_LIMIT:
        shown = [*shown[:DIFF_LINE_LIMIT], f"… {len(shown) - DIFF_LINE_LIMIT} more lines"]
    return "\n".join(shown)
