"""Redshift SQL as it is written here: quoted identifiers, no comments, and string literals without escapes.

Redshift reads a backslash inside a literal as an escape, so `\\'` is a quote there. UNLOAD takes its query as a
literal, whose quotes are doubled once more; with escapes in play the two rules cut a literal at different places.
So no text with a backslash is ever written, and every quote is doubled.
"""

from __future__ import annotations

import re
from typing import ClassVar, Final

from sqlglot import exp
from sqlglot.dialects.redshift import Redshift

from ndr.contract.errors import JobSpecInvalidError

# Inside its quotes a name with -- or $$ is harmless; that is no reason to write one into a statement.
_NAME: Final = re.compile(r"(?!.*(--|\$\$))[^\W\d][\w$ -]*")
_MAX_NAME_BYTES: Final = 127


class PlainQuotes(Redshift):
    """Redshift with one way to write a quote inside a literal: two of them."""

    class Tokenizer(Redshift.Tokenizer):
        STRING_ESCAPES: ClassVar[list[str]] = ["'"]


def write_sql(tree: exp.Expr) -> str:
    """Return the SQL of a tree, every identifier in double quotes."""
    return tree.sql(dialect=PlainQuotes, identify=True, comments=False)


def literal(text: str) -> str:
    """Return `text` as a string literal.

    Raises
    ------
    JobSpecInvalidError
        The text holds a backslash or a NUL, which no literal is written with.
    """
    if "\\" in text or "\0" in text:
        raise JobSpecInvalidError(
            f"{text!r} holds a backslash or a NUL character, and would be written into SQL; write it without."
        )
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str, field: str) -> exp.Identifier:
    """Return a quoted identifier.

    Parameters
    ----------
    name : str
        Database, schema, table or column name: letters, digits, `_`, `$`, `-` and spaces, no `--` or `$$`, at most
        127 bytes.
    field : str
        The JobSpec field that holds it; it opens the error sentence.

    Raises
    ------
    JobSpecInvalidError
        The name holds anything else.
    """
    if not _NAME.fullmatch(name) or len(name.encode()) > _MAX_NAME_BYTES:
        raise JobSpecInvalidError(
            f"{field} is {name!r}, which is not one plain name. Allowed are a letter or _ first, then letters, digits, "
            f"_, $, - and spaces (not -- or $$), {_MAX_NAME_BYTES} bytes at most; database, schema and table have a "
            "field each."
        )
    return exp.to_identifier(name, quoted=True)
