"""JobSpec filters: read with sqlglot, held against a list of what is allowed, and written anew from the tree.

UNLOAD takes no bind parameters, so a filter's text would become part of a statement that runs with the job's
rights. The text itself is never executed: what is not on the list below has no way through, whatever it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from sqlglot import exp
from sqlglot.dialects.redshift import Redshift
from sqlglot.errors import SqlglotError

from ndr.contract.errors import JobSpecInvalidError
from ndr.jobs.inventory.redshift_sql import identifier

_BINARY: Final = frozenset({"this", "expression"})
_UNARY: Final = frozenset({"this"})

# The root of a filter, the parts it may hold, and for each the arguments that may be set: sqlglot puts modifiers
# (join marks, windows, subqueries of IN) into arguments of otherwise harmless nodes.
_CONDITIONS: Final[Mapping[type[exp.Expr], frozenset[str]]] = {
    exp.And: _BINARY,
    exp.Or: _BINARY,
    exp.Not: _UNARY,
    exp.Paren: _UNARY,
    exp.EQ: _BINARY,
    exp.NEQ: _BINARY,
    exp.GT: _BINARY,
    exp.GTE: _BINARY,
    exp.LT: _BINARY,
    exp.LTE: _BINARY,
    exp.Is: _BINARY,
    exp.In: frozenset({"this", "expressions"}),
    exp.Between: frozenset({"this", "low", "high"}),
    exp.Like: _BINARY | {"negate"},
    exp.ILike: _BINARY | {"negate"},
    exp.Escape: _BINARY,
    exp.Column: _UNARY,
    exp.Boolean: _UNARY,
}
_VALUES: Final[Mapping[type[exp.Expr], frozenset[str]]] = {
    exp.Identifier: frozenset({"this", "quoted"}),
    exp.Literal: frozenset({"this", "is_string"}),
    exp.Null: frozenset(),
    exp.Neg: _UNARY,
    exp.Add: _BINARY,
    exp.Sub: _BINARY,
    exp.Interval: frozenset({"this", "unit"}),
    exp.Var: _UNARY,
    exp.Cast: frozenset({"this", "to"}),
    exp.DataType: frozenset({"this", "nested"}),
    exp.Lower: _UNARY,
    exp.Upper: _UNARY,
    exp.Trim: _UNARY,
    exp.Length: _UNARY,
    exp.Left: _BINARY,
    exp.Right: _BINARY,
    exp.Coalesce: frozenset({"this", "expressions"}),
    exp.TimestampTrunc: frozenset({"this", "unit"}),
    exp.TsOrDsAdd: frozenset({"this", "expression", "unit", "return_type"}),
    exp.CurrentDate: frozenset(),
    exp.CurrentTimestamp: frozenset({"sysdate"}),
}
_ALLOWED: Final = {**_CONDITIONS, **_VALUES}
_UNITS: Final = frozenset({"YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND"})
_TYPES: Final = frozenset({"DATE", "TIMESTAMP", "TIMESTAMPTZ", "BOOLEAN", "INT", "BIGINT", "DOUBLE", "VARCHAR"})
_NUMBER: Final = re.compile(r"\d+(\.\d*)?([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?")
_NO_CONDITION: Final = "something that is not a single condition"
_FORBIDDEN_TEXT: Final = {"\\": "a backslash", "\0": "a NUL character", "$$": "a $$ quote"}

ALLOWED_WORDS: Final = (
    "one condition over the table's own columns: comparisons, AND, OR, NOT, IN (list of values), BETWEEN, LIKE, ILIKE, "
    "IS NULL, + and -, the functions lower, upper, trim, length, left, right, coalesce, nvl, date_trunc, dateadd, "
    "current_date, getdate, sysdate, INTERVAL, and casts to " + ", ".join(sorted(_TYPES)).lower()
)


def checked_filter(text: str, field: str) -> exp.Expr:
    """Return a filter as a tree whose every part is allowed.

    Parameters
    ----------
    text : str
        A Redshift condition, such as `is_active = true AND lower(environment) IN ('prod', 'dr')`.
    field : str
        The JobSpec field that holds it; it opens the error sentence.

    Returns
    -------
    sqlglot.exp.Expr
        Column names are quoted, and in lower case unless the filter quotes them, as Redshift folds names.

    Raises
    ------
    JobSpecInvalidError
        The filter is not a condition, or has a part that is not allowed.
    """
    tree = None
    try:
        found = _forbidden_text(text)
        if not found:
            tree = _parsed(text)
            found = _forbidden_root(tree) or _forbidden_part(tree) if tree else _NO_CONDITION
    except SqlglotError:
        found = _NO_CONDITION
    except RecursionError:
        found = "a nesting that is too deep to read"
    if found or tree is None:
        raise JobSpecInvalidError(f"{field} is {text!r}, which holds {found}. Allowed is {ALLOWED_WORDS}.")
    return _with_quoted_columns(tree, field)


def _forbidden_text(text: str) -> str | None:
    for characters, name in _FORBIDDEN_TEXT.items():
        if characters in text:
            return name
    if any(token.comments for token in Redshift().tokenize(text)):
        return "a comment"
    return None


def _parsed(text: str) -> exp.Expr | None:
    trees = Redshift().parse_into(exp.Condition, text)
    return trees[0] if len(trees) == 1 else None


def _forbidden_root(tree: exp.Expr) -> str | None:
    return None if type(tree) in _CONDITIONS else f"{_words(tree)}, which is not a condition"


def _forbidden_part(tree: exp.Expr) -> str | None:
    if query := tree.find(exp.Query):
        return f"a subquery, {_words(query)}"
    for node in tree.walk():
        arguments = _ALLOWED.get(type(node))
        if arguments is None:
            return _words(node)
        given = {name for name, value in node.args.items() if value not in (None, False, [])}
        if extra := sorted(given - arguments):
            return f"{_words(node)} with {extra[0].replace('_', ' ')}"
        if found := _forbidden_value(node):
            return found
    return None


def _forbidden_value(node: exp.Expr) -> str | None:
    """Check the nodes whose text is written as it stands."""
    match node:
        case exp.Literal(is_string=False) if not _NUMBER.fullmatch(str(node.this)):
            return f"the number {node.this}"
        case exp.Neg() if not (type(node.this) is exp.Literal and not node.this.is_string):
            return "a minus sign before something that is not a number"
        case exp.Interval() if not isinstance(node.this, exp.Literal):
            return "an INTERVAL of something that is not a literal"
        case exp.Var() if str(node.this).upper().removesuffix("S") not in _UNITS:
            return f"the unit {node.this}; allowed units are {', '.join(sorted(_UNITS)).lower()}"
        case exp.DataType() if not isinstance(node.this, exp.DType) or node.this.name not in _TYPES:
            return f"the type {_words(node)}"
        case exp.Column() if not isinstance(node.this, exp.Identifier):
            return _words(node)
        case exp.In() if not node.expressions:
            return "an IN without a list of values"
    return None


def _with_quoted_columns(tree: exp.Expr, field: str) -> exp.Expr:
    for column in list(tree.find_all(exp.Column)):
        name = column.name if column.this.args.get("quoted") else column.name.lower()
        column.set("this", identifier(name, f"A column of {field}"))
    return tree


def _words(node: exp.Expr) -> str:
    """Name a part as the person wrote it, shortened."""
    text = node.sql(dialect=Redshift, comments=False)
    kind = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(node).__name__).lower()
    return f"{text[:60]}{'…' if len(text) > 60 else ''} ({kind})"
