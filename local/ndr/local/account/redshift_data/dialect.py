"""Redshift's SQL, read and rewritten for DuckDB."""

from __future__ import annotations

from collections.abc import Mapping

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

from ndr.local.account.redshift_data.failure import StatementFailure

_STORAGE_PROPERTIES = (exp.DistKeyProperty, exp.DistStyleProperty, exp.SortKeyProperty)


def parse(sql: str) -> exp.Expression:
    """Read one statement.

    Raises
    ------
    StatementFailure
        It is not Redshift SQL, or it is more than one statement.
    """
    try:
        statements = [each for each in sqlglot.parse(sql, read="redshift") if each is not None]
    except SqlglotError as error:
        raise StatementFailure(f"syntax error: {error}") from error
    if len(statements) != 1:
        raise StatementFailure(f"one statement is expected, {len(statements)} were found")
    return statements[0]


def parameter_names(statement: exp.Expression) -> set[str]:
    """Names of the `:name` parameters in a statement; those inside string literals are text, as in Redshift."""
    return {placeholder.name for placeholder in statement.find_all(exp.Placeholder)}


def bind(statement: exp.Expression, values: Mapping[str, str]) -> exp.Expression:
    """Put values in the place of `:name` parameters.

    Redshift sends every value as text of no particular type, which its context then decides; a string literal is
    what behaves so in DuckDB too.
    """

    def replace(node: exp.Expression) -> exp.Expression:
        return exp.Literal.string(values[node.name]) if isinstance(node, exp.Placeholder) else node

    return statement.transform(replace)


def to_duckdb(statement: exp.Expression) -> str:
    """The statement in DuckDB's SQL: unquoted names in lower case, storage attributes dropped, SUPER as JSON."""
    statement = normalize_identifiers(statement.copy(), dialect="redshift")
    for constraint in list(statement.find_all(exp.EncodeColumnConstraint)):
        constraint.parent.pop()
    for properties in list(statement.find_all(exp.Properties)):
        kept = [each for each in properties.expressions if not isinstance(each, _STORAGE_PROPERTIES)]
        properties.set("expressions", kept)
    for data_type in list(statement.find_all(exp.DataType)):
        if data_type.this == exp.DataType.Type.SUPER:
            data_type.replace(exp.DataType.build("json", dialect="duckdb"))
    return statement.sql(dialect="duckdb")


def returns_rows(statement: exp.Expression) -> bool:
    """Whether a statement has a result set."""
    return isinstance(statement, exp.Query | exp.Show | exp.Describe | exp.Values)
