"""Filters: what is legal is written anew, what is not is refused with the filter, what it holds and what is allowed."""

from __future__ import annotations

import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from ndr.contract.errors import JobSpecInvalidError
from ndr.jobs.inventory.filters import checked_filter
from ndr.jobs.inventory.redshift_sql import PlainQuotes, literal, write_sql

LEGAL = [
    ("is_active = true", '"is_active" = TRUE'),
    ("is_active", '"is_active"'),
    ("NOT is_retired", 'NOT "is_retired"'),
    ("environment = 'prod'", "\"environment\" = 'prod'"),
    ("Environment = 'prod'", "\"environment\" = 'prod'"),
    ("\"Environment\" = 'prod'", "\"Environment\" = 'prod'"),
    ('"select" = 1', '"select" = 1'),
    ("a = 1 OR b <> 'x' AND NOT c", '"a" = 1 OR "b" <> \'x\' AND NOT "c"'),
    ("(a = 1 OR b != 'x') AND c >= 1.5", '("a" = 1 OR "b" <> \'x\') AND "c" >= 1.5'),
    ("lower(env) IN ('prod', 'dr')", "LOWER(\"env\") IN ('prod', 'dr')"),
    ("vlan NOT IN (1, -2)", 'NOT "vlan" IN (1, -2)'),
    ("vlan BETWEEN 10 AND 20", '"vlan" BETWEEN 10 AND 20'),
    ("name LIKE 'srv-%'", "\"name\" LIKE 'srv-%'"),
    ("name NOT ILIKE 'vdi|_%' ESCAPE '|'", "\"name\" NOT ILIKE 'vdi|_%' ESCAPE '|'"),
    ("retired_at IS NULL", '"retired_at" IS NULL'),
    ("owner IS NOT NULL", 'NOT "owner" IS NULL'),
    ("owner = 'O''Brien'", "\"owner\" = 'O''Brien'"),
    ("note = ';--/*'", "\"note\" = ';--/*'"),
    ("nvl(trim(site), '') = ''", "COALESCE(TRIM(\"site\"), '') = ''"),
    ("seen >= dateadd(day, -30, getdate())", '"seen" >= DATEADD(DAY, -30, GETDATE())'),
    ("seen > current_date - interval '30 days'", "\"seen\" > CURRENT_DATE - INTERVAL '30 DAYS'"),
    (
        "date_trunc('month', seen) = date_trunc('month', current_date)",
        "DATE_TRUNC('MONTH', \"seen\") = DATE_TRUNC('MONTH', CURRENT_DATE)",
    ),
    ("seen::date >= date '2026-01-01'", "CAST(\"seen\" AS DATE) >= CAST('2026-01-01' AS DATE)"),
]

REFUSED = [
    ("true; DROP TABLE dim_machine", "not a single condition"),
    ("true; DROP TABLE dim_machine --", "comment"),
    ("is_active = true -- and owner is not null", "a comment"),
    ("is_active = true /* always */", "a comment"),
    ("/* */ is_active", "a comment"),
    ("1=1) UNION SELECT usename, passwd FROM pg_shadow WHERE (1=1", "not a single condition"),
    ("a = 1 UNION ALL SELECT * FROM secrets", "not a single condition"),
    ("a IN (SELECT secret FROM vault)", "subquery"),
    ("a = (SELECT max(secret) FROM vault)", "subquery"),
    ("EXISTS (SELECT 1 FROM vault)", "exists"),
    ("a = 1 LIMIT 1", "not a single condition"),
    ("a = 1 ORDER BY a", "not a single condition"),
    ("a = 1 GROUP BY a", "not a single condition"),
    ("a = 1, b = 2", "not a single condition"),
    ("a = 1 AS b", "not a single condition"),
    ("pg_terminate_backend(1) = 1", "anonymous"),
    ("pg_sleep(10) IS NULL", "anonymous"),
    ("version() = 'x'", "version"),
    ("my_udf(a) = 1", "anonymous"),
    ("public.my_udf(a) = 1", "dot"),
    ("chr(39) = a", "chr"),
    ("current_user = 'awsuser'", "current user"),
    ("count(*) > 1", "count"),
    ("row_number() OVER (ORDER BY a) = 1", "window"),
    ("sum(a) OVER () > 1", "window"),
    ("CASE WHEN a = 1 THEN true ELSE false END", "case"),
    ("a = :name", "placeholder"),
    ("a = ?", "placeholder"),
    ("a = $1", "parameter"),
    ("a = @x", "parameter"),
    ("a = $$x$$", "$$"),
    ("a = 'x$$ ) TO ''s3://elsewhere/'' $$'", "$$"),
    ("a = 'x\\'", "a backslash"),
    ("a = 'x\\' OR 1=1 --'", "a backslash"),
    ("a = '\\'') TO ''s3://elsewhere/'''", "a backslash"),
    ("a = 'x\0'", "NUL"),
    ("a = E'x'", "byte string"),
    ("a = 'open", "not a single condition"),
    ("(a = 1", "not a single condition"),
    ("", "not a single condition"),
    ("   ", "not a single condition"),
    ("'x'", "not a condition"),
    ("42", "not a condition"),
    ("getdate()", "not a condition"),
    ("lower(a)", "not a condition"),
    ("a + 1", "not a condition"),
    ("SELECT 1", "not a single condition"),
    ("DROP TABLE dim_machine", "not a single condition"),
    ("*", "not a condition"),
    ("other.a = 1", "table"),
    ("public.dim_machine.a = 1", "table"),
    ("other.* = 1", "column"),
    ("a(+) = 1", "join mark"),
    ('"a""b" = 1', "not one plain name"),
    ('"a\'b" = 1', "not one plain name"),
    ('"a;b" = 1', "not one plain name"),
    ("a::super = 1", "type"),
    ("a::regclass = 1", "regclass"),
    ("a::varchar(10) = 'x'", "varchar(10)"),
    ("a = ANY(ARRAY[1])", "any"),
    ("a[1] = 1", "bracket"),
    ("a ~ 'x'", "regexp like"),
    ("a SIMILAR TO 'x'", "similar to"),
    ("a COLLATE case_insensitive = 'x'", "collate"),
    ("a || b = 'x'", "pipe"),
    ("trim(both 'x' from a) = 'b'", "with"),
    ("date_trunc('mon''), (select 1', a) = a", "unit"),
    ("dateadd(fortnight, 1, a) > a", "unit"),
    ("a = - -1", "minus"),
    ("a BETWEEN SYMMETRIC 1 AND 2", "symmetric"),
    ("(" * 900 + "a" + ")" * 900, "too deep"),
]


@pytest.mark.parametrize(("text", "sql"), LEGAL)
def test_legal_filter_is_written_anew(text: str, sql: str) -> None:
    assert write_sql(checked_filter(text, "query.active_filter")) == sql


@pytest.mark.parametrize(("text", "found"), REFUSED)
def test_anything_else_is_refused_by_name(text: str, found: str) -> None:
    with pytest.raises(JobSpecInvalidError) as refusal:
        checked_filter(text, "query.additional_filters.3")
    message = str(refusal.value)
    assert "query.additional_filters.3 is" in message
    assert found.lower() in message.lower()
    assert "Allowed" in message


words = st.text(st.characters(exclude_characters="\\\0", exclude_categories=["Cs"]), max_size=30).filter(
    lambda text: "$$" not in text
)


@given(words)
def test_a_literal_comes_back_as_it_was(text: str) -> None:
    written = write_sql(checked_filter(f"a = {literal(text)}", "query.active_filter"))
    assert written == '"a" = ' + literal(text)
    assert sqlglot.parse_one(written, read=PlainQuotes).expression.this == text


operands = st.sampled_from(["a", '"B"', "lower(c)", "1", "-2.5", "'it''s'", "current_date", "coalesce(a, 'x')", "null"])
comparisons = st.builds(" ".join, st.tuples(operands, st.sampled_from(["=", "<>", "<", ">="]), operands))
conditions = st.recursive(
    comparisons | st.just("a is not null") | st.just("b in (1, 2)") | st.just("c not like 'x%'"),
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner)
        | st.builds("not ({})".format, inner)
    ),
    max_leaves=8,
)


@given(conditions)
@settings(deadline=None)
def test_what_is_written_reads_as_the_tree_that_was_checked(text: str) -> None:
    tree = checked_filter(text, "query.active_filter")
    assert sqlglot.parse_one(write_sql(tree), read=PlainQuotes) == tree


WORDS = """a ' '' " $$ \\ ; -- /* */ ( ) = or and 1 select from , union drop table
    'x' in not pg_sleep(1) :p ? $1 :: date e' is null"""
pieces = st.lists(st.sampled_from([*WORDS.split(), "\n"]), max_size=14)


@given(pieces, st.sampled_from([" ", ""]))
@settings(deadline=None, max_examples=300)
def test_whatever_passes_is_one_condition_of_one_statement(parts: list[str], between: str) -> None:
    text = between.join(parts)
    try:
        tree = checked_filter(text, "query.active_filter")
    except JobSpecInvalidError:
        return
    written = write_sql(tree)
    statements = sqlglot.parse(f"SELECT 1 FROM t WHERE ({written}) AND z = 'end'", read=PlainQuotes)
    assert len(statements) == 1
    last = statements[0].args["where"].this.expression
    assert last.sql() == "z = 'end'"
    assert not list(statements[0].find_all(sqlglot.exp.Subquery, sqlglot.exp.Anonymous, sqlglot.exp.Placeholder))
