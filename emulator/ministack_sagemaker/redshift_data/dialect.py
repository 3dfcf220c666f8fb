"""Translation of Redshift's SQL to DuckDB's."""

from __future__ import annotations

from collections.abc import Mapping

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.expressions import Expr
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

from ministack_sagemaker.redshift_data.failure import StatementFailedError

_STORAGE_PROPERTIES = (exp.DistKeyProperty, exp.DistStyleProperty, exp.SortKeyProperty)


def parse(sql: str) -> Expr:
    """Parse one statement.

    Raises
    ------
    StatementFailedError
        It is not Redshift SQL, or it is more than one statement.
    """
    try:
        statements = [each for each in sqlglot.parse(sql, read="redshift") if each is not None]
    except SqlglotError as error:
        raise StatementFailedError(f"syntax error: {error}") from error
    if len(statements) != 1:
        raise StatementFailedError(f"one statement is expected, {len(statements)} were found")
    return statements[0]


def parameter_names(statement: Expr) -> set[str]:
    """Return the names of the `:name` parameters of a statement; in a string literal `:name` is text."""
    return {placeholder.name for placeholder in statement.find_all(exp.Placeholder)}


def bind(statement: Expr, values: Mapping[str, str]) -> Expr:
    """Replace `:name` parameters by values.

    Redshift sends every value as text of no particular type, which its context then decides; a string literal is
    what behaves so in DuckDB too.
    """

    def replace(node: Expr) -> Expr:
        return exp.Literal.string(values[node.name]) if isinstance(node, exp.Placeholder) else node

    return statement.transform(replace)


def to_duckdb(statement: Expr) -> str:
    """Return the statement in DuckDB's SQL: unquoted names in lower case, storage attributes dropped, SUPER as JSON."""
    statement = normalize_identifiers(statement.copy(), dialect="redshift")
    for constraint in list(statement.find_all(exp.ColumnConstraint)):
        if isinstance(constraint.kind, exp.EncodeColumnConstraint):
            constraint.pop()
    for properties in list(statement.find_all(exp.Properties)):
        kept = [each for each in properties.expressions if not isinstance(each, _STORAGE_PROPERTIES)]
        properties.set("expressions", kept)
    for data_type in list(statement.find_all(exp.DataType)):
        if data_type.this == exp.DataType.Type.SUPER:
            data_type.replace(exp.DataType.build("json", dialect="duckdb"))
    return statement.sql(dialect="duckdb")


def returns_rows(statement: Expr) -> bool:
    """Return whether a statement has a result set."""
    return isinstance(statement, exp.Query | exp.Show | exp.Describe | exp.Values)
