"""The statements of the unload, as text and as what they find in a real table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from ndr.contract.errors import InvalidRequestError, JobSpecInvalidError
from ndr.contract.jobspecs.machine_inventory_unload import InventoryOutput, InventoryQuery
from ndr.jobs.entry import main
from ndr.jobs.inventory.month import snapshot_month
from ndr.jobs.inventory.query import inventory_statements, unload_statement
from ndr.jobs.inventory.redshift_sql import PlainQuotes, literal
from ndr.jobs.run_machine_inventory_unload import unload_machine_inventory

OUTPUT = InventoryOutput(s3_prefix="s3://ndr-data/machine_inventory/")


def _query(**changes: Any) -> InventoryQuery:
    fields = {"schema": "public", "table": "dim_machine", "ip_column": "ip_address", "name_column": "machine_name"}
    return InventoryQuery(**{**fields, **changes})


def test_the_reference_example_as_sql() -> None:
    query = _query(active_filter="is_active = true", additional_filters=("environment = 'prod'",))
    assert inventory_statements(query, OUTPUT, "2026-01").select == (
        'SELECT NULLIF(TRIM(CAST("ip_address" AS VARCHAR(65535))), \'\') AS "ip_address", '
        'MAX(CAST("machine_name" AS VARCHAR(65535))) AS "machine_name", '
        "CAST('2026-01' AS VARCHAR(65535)) AS \"snapshot_month\" "
        'FROM "public"."dim_machine" '
        'WHERE ("is_active" = TRUE) AND ("environment" = \'prod\') '
        "AND NOT NULLIF(TRIM(CAST(\"ip_address\" AS VARCHAR(65535))), '') IS NULL GROUP BY 1"
    )


def test_a_table_of_another_database_has_three_names() -> None:
    select = inventory_statements(_query(database="assets_share"), OUTPUT, "2026-01").select
    assert 'FROM "assets_share"."public"."dim_machine" WHERE' in select


def test_unload_doubles_the_quotes_of_its_query() -> None:
    sql = unload_statement("SELECT 'O''Brien'", "s3://b/p/x-", "arn:aws:iam::123456789012:role/R")
    assert sql == (
        "UNLOAD ('SELECT ''O''''Brien''') TO 's3://b/p/x-' IAM_ROLE 'arn:aws:iam::123456789012:role/R' "
        "FORMAT AS PARQUET"
    )


def test_unload_names_the_key_that_it_is_given() -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    sql = unload_statement("SELECT 1", "s3://b/p/x-", "arn:aws:iam::123456789012:role/R", key)
    assert sql.endswith(" FORMAT AS PARQUET KMS_KEY_ID '1234abcd-12ab-34cd-56ef-1234567890ab' ENCRYPTED")


def test_unload_writes_with_the_default_role_and_to_a_bucket_of_another_region() -> None:
    sql = unload_statement("SELECT 1", "s3://b/p/x-", "default", bucket_region="eu-central-1")
    assert sql == "UNLOAD ('SELECT 1') TO 's3://b/p/x-' IAM_ROLE DEFAULT FORMAT AS PARQUET REGION 'eu-central-1'"


values = st.text(st.characters(exclude_characters="\\\0", exclude_categories=["Cs"]), max_size=20).filter(
    lambda text: "$$" not in text
)


@given(values)
@settings(deadline=None)
def test_the_query_inside_unload_is_the_query_that_was_counted(value: str) -> None:
    query = _query(active_filter=f"owner = {literal(value)}")
    select = inventory_statements(query, OUTPUT, "2026-01").select
    tokens = PlainQuotes().tokenize(unload_statement(select, "s3://b/p", "arn")[len("UNLOAD ") :])
    assert [token.text for token in tokens][1] == select
    assert tokens[2].text == ")"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"database": "share.public"}, "query.database"),
        ({"schema": 'pub"lic'}, "query.schema"),
        ({"table": 'dim"; DROP TABLE x; --'}, "query.table"),
        ({"table": "public.dim_machine"}, "query.table"),
        ({"table": "t\\"}, "query.table"),
        ({"ip_column": "ip'address"}, "query.ip_column"),
        ({"name_column": "lower(name)"}, "query.name_column"),
        ({"name_column": "é" * 64}, "query.name_column"),
    ],
)
def test_a_name_that_is_not_one_plain_name_is_refused(change: dict[str, str], field: str) -> None:
    with pytest.raises(JobSpecInvalidError, match=rf"^{field} is .* not one plain name"):
        inventory_statements(_query(**change), OUTPUT, "2026-01")


@pytest.mark.parametrize(
    "names",
    [("IpAddress", "name"), ("ip address", "name"), ("same", "same"), ("snapshot_month", "name"), ("ip", "1st")],
)
def test_output_names_that_redshift_would_change_or_confuse_are_refused(names: tuple[str, str]) -> None:
    output = InventoryOutput(s3_prefix="s3://b-b/x", ip_output_column=names[0], name_output_column=names[1])
    with pytest.raises(JobSpecInvalidError, match="output"):
        inventory_statements(_query(), output, "2026-01")


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS public")
        columns = "ip_address VARCHAR, machine_name VARCHAR, is_active BOOLEAN"
        connection.execute(f"CREATE TABLE public.dim_machine ({columns})")
        yield connection


addresses = st.sampled_from(["10.0.0.1", " 10.0.0.1 ", "10.0.0.2", "2001:db8::1", "", "  ", None])
machine_rows = st.lists(
    st.tuples(addresses, st.sampled_from(["srv-1", "VDI-7", "Ω", None]), st.booleans()), max_size=12
)


ACTIVE = inventory_statements(_query(active_filter="is_active"), OUTPUT, "2026-01")
ACTIVE_SELECT, ACTIVE_COUNT = (
    sqlglot.transpile(text, read=PlainQuotes, write="duckdb")[0] for text in (ACTIVE.select, ACTIVE.count)
)


@given(machine_rows)
@settings(deadline=None, max_examples=50)
def test_select_and_count_against_plain_python(
    database: duckdb.DuckDBPyConnection, rows: list[tuple[str | None, str | None, bool]]
) -> None:
    names: dict[str, set[str]] = {}
    without = 0
    for address, name, active in rows:
        if active and (address or "").strip(" "):
            names.setdefault(address.strip(" "), set()).update({name} - {None})  # type: ignore[union-attr,arg-type]
        elif active:
            without += 1
    expected = [(address, max(found, default=None), "2026-01") for address, found in sorted(names.items())]
    database.execute("DELETE FROM public.dim_machine")
    if rows:
        marks = ", ".join(["(?, ?, ?)"] * len(rows))
        database.execute(f"INSERT INTO public.dim_machine VALUES {marks}", [value for row in rows for value in row])
    assert sorted(database.execute(ACTIVE_SELECT).fetchall()) == expected
    several = sum(len(found) > 1 for found in names.values())
    assert database.execute(ACTIVE_COUNT).fetchall() == [(len(names), without, several)]


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("2026-01", "2026-01"),
        (" 2026-12 ", "2026-12"),
        ("2026-01-31", "2026-01"),
        ("2026-01-31T23:59:59Z", "2026-01"),
        ("2026-02-01T00:30:00+02:00", "2026-01"),
        ("0987-03", "0987-03"),
    ],
)
def test_month(text: str, month: str) -> None:
    assert snapshot_month(text) == month


@pytest.mark.parametrize(
    "text", ["", "none", "2026", "2026-13", "2026-00", "2026-1", "01-2026", "2026-01-32", "2026-01-31T06:15:00"]
)
def test_what_names_no_month_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="ReferenceMonthIso is .* names no month: write 2026-01"):
        snapshot_month(text, "ReferenceMonthIso")


def test_a_wrong_month_is_sagemakers_failure_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("NDR_OPT_ML", str(tmp_path))
    arguments = ["--project-name", "p", "--feature-spec-version", "v1", "--reference-month-iso", "2026-13"]
    with pytest.raises(SystemExit) as ended:
        main("machine_inventory_unload", ["reference-month-iso"], unload_machine_inventory, arguments)
    assert ended.value.code == 1
    reason = (tmp_path / "output" / "message").read_text()
    assert reason.startswith("InvalidRequestError: ReferenceMonthIso is '2026-13', which names no month: write 2026-01")
