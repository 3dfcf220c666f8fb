"""The difference between a registered definition and the one that the sources yield."""

from __future__ import annotations

import difflib

from ndr.pipeline.bundle.digest import canonical_definition

DIFF_LINE_LIMIT = 200
DIFF_LINE_WIDTH = 240


def definition_diff(registered: str | None, built: str) -> str:
    """Return what registering a definition would change, as a unified diff of canonical JSON.

    Parameters
    ----------
    registered : str or None
        The definition in the account. None when the account has none.
    built : str
        The definition that the sources yield.

    Returns
    -------
    str
        Empty when the definitions are equal. Otherwise at most 200 lines of 240 characters, and a last line with the
        number of lines cut, so that the answer stays well below the Step Functions payload limit (256 KiB).
    """
    before = canonical_definition(registered).splitlines() if registered else []
    after = canonical_definition(built).splitlines()
    lines = list(difflib.unified_diff(before, after, "registered", "built", lineterm=""))
    shown = [line if len(line) <= DIFF_LINE_WIDTH else f"{line[: DIFF_LINE_WIDTH - 1]}…" for line in lines]
    if len(shown) > DIFF_LINE_LIMIT:
        shown = [*shown[:DIFF_LINE_LIMIT], f"… {len(shown) - DIFF_LINE_LIMIT} more lines"]
    return "\n".join(shown)
