"""The statements of the inventory unload, built as trees and written out once.

One row a machine address: an address that the table gives several names keeps the greatest one (`MAX`), so that the
same table always unloads the same rows. A row without an address (null or blank) names no machine and is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from ndr.contract.errors import JobSpecInvalidError
from ndr.contract.jobspecs.machine_inventory_unload import DEFAULT_ROLE, InventoryOutput, InventoryQuery
from ndr.jobs.inventory.filters import checked_filter
from ndr.jobs.inventory.redshift_sql import identifier, literal, write_sql

MONTH_COLUMN: Final = "snapshot_month"
COUNT_COLUMNS: Final = ("machines", "rows_without_address", "machines_with_several_names")
_OUTPUT_NAME: Final = re.compile(r"[a-z_][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class InventoryStatements:
    """The SQL of one month's unload.

    Attributes
    ----------
    select : str
        Columns ip_output_column, name_output_column, snapshot_month; unique by the first, sorted by nothing.
    count : str
        One row, `COUNT_COLUMNS`, of the same table and filters.
    """

    select: str
    count: str


def inventory_statements(query: InventoryQuery, output: InventoryOutput, month: str) -> InventoryStatements:
    """Return the SELECT and its count for the unique, active machines.

    Raises
    ------
    JobSpecInvalidError
        A name or a filter may not be written into SQL.
    """
    table = _table(query)
    conditions = _conditions(query)
    address = _blank_as_null(_text(exp.Column(this=identifier(query.ip_column, "query.ip_column"))))
    name = _text(exp.Column(this=identifier(query.name_column, "query.name_column")))
    ip_output, name_output = _output_names(output)
    select = (
        exp.select(
            exp.alias_(address, ip_output, quoted=True),
            exp.alias_(exp.Max(this=name), name_output, quoted=True),
            exp.alias_(_text(exp.Literal.string(month)), MONTH_COLUMN, quoted=True),
        )
        .from_(table)
        .where(*conditions, address.copy().is_(exp.null()).not_())
        .group_by(exp.Literal.number(1))
    )
    return InventoryStatements(write_sql(select), write_sql(_count(table, conditions, address, name)))


def unload_statement(
    select: str, target: str, iam_role: str, kms_key_arn: str | None = None, bucket_region: str | None = None
) -> str:
    """Return the UNLOAD of `select` into Parquet files whose names begin with `target`.

    Parameters
    ----------
    select : str
        The query.
    target : str
        S3 URI that the files' names begin with.
    iam_role : str
        ARN of the role that Redshift writes with, or DEFAULT_ROLE for the cluster's or namespace's own default.
    kms_key_arn : str, optional
        Key of the files. Unless told, Redshift asks S3 for SSE-S3 by name, which overrules the key that the bucket has
        as its default. KMS_KEY_ID takes the id alone, so the key is one of the bucket's account and region.
    bucket_region : str, optional
        Region of the bucket where it is not Redshift's own, in which Redshift would look for it.
    """
    role = "DEFAULT" if iam_role == DEFAULT_ROLE else literal(iam_role)
    region = f" REGION {literal(bucket_region)}" if bucket_region else ""
    encrypted = f" KMS_KEY_ID {literal(kms_key_arn.rpartition('/')[2])} ENCRYPTED" if kms_key_arn else ""
    return f"UNLOAD ({literal(select)}) TO {literal(target)} IAM_ROLE {role} FORMAT AS PARQUET{region}{encrypted}"


def _table(query: InventoryQuery) -> exp.Table:
    """Return the table by two names, or by three when it is in another database, such as a datashare's."""
    names = {"this": identifier(query.table, "query.table"), "db": identifier(query.schema_, "query.schema")}
    if query.database is not None:
        names["catalog"] = identifier(query.database, "query.database")
    return exp.Table(**names)


def _conditions(query: InventoryQuery) -> list[exp.Expr]:
    filters = [("query.active_filter", query.active_filter)] if query.active_filter else []
    filters += [(f"query.additional_filters.{at}", text) for at, text in enumerate(query.additional_filters)]
    return [exp.Paren(this=checked_filter(text, field)) for field, text in filters]


def _count(table: exp.Table, conditions: list[exp.Expr], address: exp.Expr, name: exp.Expr) -> exp.Select:
    """Count in one scan: the addresses of the table with their rows and names, then what is to be known of them."""
    groups = (
        exp.select(
            exp.alias_(address.copy(), "address", quoted=True),
            exp.alias_(exp.Count(this=exp.Star()), "rows", quoted=True),
            exp.alias_(exp.Count(this=exp.Distinct(expressions=[name.copy()])), "names", quoted=True),
        )
        .from_(table.copy())
        .where(*conditions)
        .group_by(exp.Literal.number(1))
    )
    address_column, rows, names = (exp.column(column, quoted=True) for column in ("address", "rows", "names"))
    several = exp.and_(
        address_column.copy().is_(exp.null()).not_(), exp.GT(this=names, expression=exp.Literal.number(1))
    )
    counts = (
        exp.Count(this=address_column.copy()),
        _sum_where(address_column.copy().is_(exp.null()), rows),
        _sum_where(several, exp.Literal.number(1)),
    )
    columns = (exp.alias_(count, column, quoted=True) for count, column in zip(counts, COUNT_COLUMNS, strict=True))
    return exp.select(*columns).from_(groups.subquery("addresses"))


def _sum_where(condition: exp.Expr, value: exp.Expr) -> exp.Expr:
    zero = exp.Literal.number(0)
    return exp.Coalesce(this=exp.Sum(this=exp.Case().when(condition, value).else_(zero)), expressions=[zero.copy()])


def _text(value: exp.Expr) -> exp.Expr:
    """Cast to VARCHAR at its full length: the default 256 would cut, and CHAR would reach Parquet padded."""
    return exp.cast(value, exp.DataType.build("VARCHAR(65535)"))


def _blank_as_null(text: exp.Expr) -> exp.Expr:
    return exp.Nullif(this=exp.Trim(this=text), expression=exp.Literal.string(""))


def _output_names(output: InventoryOutput) -> tuple[str, str]:
    names = {"output.ip_output_column": output.ip_output_column, "output.name_output_column": output.name_output_column}
    for field, name in names.items():
        if not _OUTPUT_NAME.fullmatch(name):
            raise JobSpecInvalidError(
                f"{field} is {name!r}; Redshift writes column names in lower case, so allowed are a to z, 0 to 9 "
                "and _, not a digit first."
            )
    if len({*names.values(), MONTH_COLUMN}) < 3:
        raise JobSpecInvalidError(
            f"output.ip_output_column is {output.ip_output_column!r} and output.name_output_column is "
            f"{output.name_output_column!r}; they and {MONTH_COLUMN!r} must be three different names."
        )
    return output.ip_output_column, output.name_output_column
