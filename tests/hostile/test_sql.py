"""No SQL in a JobSpec does more than filter: real attempts, each carried through to the Redshift stand-in.

An attempt ends in one of two ways. It is refused by name before any SQL is written; or the statement that it became
is executed, and what comes out are rows of the machine table and no others, with everything else as it was.
"""

from __future__ import annotations

import duckdb
import pytest
from tests.hostile.stand_in import ROLE, TARGET, VISIBLE, state, unload, warehouse

from ministack_sagemaker.redshift_data.unload_options import parse_unload
from ndr.contract.errors import JobSpecInvalidError
from ndr.contract.jobspecs.machine_inventory_unload import InventoryOutput, InventoryQuery
from ndr.jobs.inventory.query import unload_statement

FILTERS = {
    "stacked statements": [
        "true; DROP TABLE m",
        "true;DELETE FROM m",
        "active); DROP TABLE m; SELECT (1",
        "true; UNLOAD ('SELECT secret FROM vault') TO 's3://elsewhere/' IAM_ROLE default",
        "true; COPY m FROM 's3://elsewhere/' IAM_ROLE default",
        "true;;",
        "true; GRANT ALL ON vault TO PUBLIC",
        "true; ALTER USER awsuser PASSWORD 'x'",
        "true\n;\nTRUNCATE m",
        "true; CREATE EXTERNAL FUNCTION f(int) RETURNS int LAMBDA 'x' IAM_ROLE default",
    ],
    "comments": [
        "active -- AND env = 'prod'",
        "active /* AND env = 'prod' */",
        "active /* /* nested */ */",
        "/**/active",
        "active--",
        "1=1)/*",
        "*/ 1=1 /*",
        "active\n--\n",
        "active AND/**/true",
        "# active",
    ],
    "subqueries": [
        "ip IN (SELECT secret FROM vault)",
        "EXISTS (SELECT 1 FROM vault)",
        "(SELECT count(*) FROM vault) > 0",
        "name = (SELECT secret FROM vault LIMIT 1)",
        "name > ALL (SELECT secret FROM vault)",
        "name = ANY (SELECT secret FROM vault)",
        "vlan IN (WITH v AS (SELECT 1 AS x) SELECT x FROM v)",
        "true) UNION SELECT secret, secret, '2026-01' FROM vault WHERE (true",
        "true) UNION ALL (SELECT secret, 'x', 'y' FROM vault",
        "active INTERSECT SELECT true",
        "vlan IN (TABLE vault)",
        "vlan IN (VALUES (10))",
        "(ip, name) IN (SELECT secret, secret FROM vault)",
    ],
    "functions with effects": [
        "pg_sleep(30) IS NULL",
        "pg_catalog.pg_sleep(30) IS NULL",
        '"pg_sleep"(30) IS NULL',
        "lo_import('/etc/passwd') > 0",
        "lo_export(1, '/tmp/x') = 1",
        "lo_unlink(1) = 1",
        "dblink('host=elsewhere', 'SELECT 1') IS NULL",
        "dblink_exec('DROP TABLE m') = 'OK'",
        "set_config('search_path', 'x', false) = 'x'",
        "pg_terminate_backend(1)",
        "pg_cancel_backend(1)",
        "pg_read_file('/etc/passwd') = ''",
        "pg_ls_dir('/') IS NULL",
        "query_to_xml('SELECT 1', true, true, '') IS NULL",
        "current_setting('x') = ''",
        "has_table_privilege('vault', 'select')",
        "nextval('s') = 1",
        "f_my_udf(name) = 'x'",
        "public.f_my_udf(name) = 'x'",
        "current_user = 'awsuser'",
        "session_user = 'awsuser'",
        "version() LIKE '%'",
        "random() < 0.5",
        "getenv('AWS_SECRET_ACCESS_KEY') = ''",
        "read_csv('/etc/passwd') IS NULL",
        "count(*) > 0",
        "listagg(name) = ''",
        "row_number() OVER () = 1",
        "json_extract_path_text(name, 'a') = ''",
        "chr(39) = ''",
        "regexp_replace(name, '(a+)+$', '') = ''",
        "repeat('a', 1000000000) = ''",
    ],
    "identifiers": [
        '"ip"" = 1 OR ""x" = 1',
        "\"ip' OR '1'='1\" = 1",
        '"ip;DROP TABLE m" = 1',
        '"ip--" = 1',
        '"ip/*" = 1',
        '"ip$$" = 1',
        "vault.secret = 'hidden'",
        "public.vault.secret = 'hidden'",
        "dev.public.vault.secret = 'hidden'",
        "vault.* IS NOT NULL",
        "[ip] = 'x'",
        "`ip` = 'x'",
        "U&\"\\0069p\" = 'x'",
        "m.ip = '10.0.0.1'",
        "oid > 0 AND ctid = '(0,1)'::tid",
    ],
    "quotes": [
        "env = 'x'' OR ''1''=''1'",
        "env = 'x' OR '1'='1'",
        "env = 'x\\' OR 1=1 --'",
        "env = E'x\\' OR 1=1'",
        "env = U&'\\0027'",
        "env = 'x",
        "env = 'x' 'y'",
        "env = 'x'\n'y'",
        "env = \u2018x\u2019",
        "env = \uff07x\uff07",
        "env = 'x\u02bc OR 1=1 --'",
        "env = 'x\u2019 OR \u20191\u2019=\u20191'",
        "env = ''''",
        "env = ''''''",
        "env = '\u0000'",
        "env = b'x'",
        "env = x'27'",
        "env = N'x'",
    ],
    "dollar quotes": [
        "env = $$x$$",
        "env = $a$x$a$",
        "env = 'x$$) TO ''s3://elsewhere/'' IAM_ROLE ''x'' FORMAT PARQUET --'",
        "env = '$$'",
        "env = '$' OR env = '$'",
        "env = '$a$'",
        "$1 = env",
        "$$ = $$",
    ],
    "out of the literal of UNLOAD": [
        "env = '') TO ''s3://elsewhere/'' IAM_ROLE ''x'' FORMAT PARQUET; --'",
        "env = ''') TO ''s3://elsewhere/'' IAM_ROLE ''x'",
        "env = 'x'') TO ''s3://elsewhere/'' ALLOWOVERWRITE'",
        "env = 'x')TO's3://elsewhere/'",
        "active') TO 's3://elsewhere/' IAM_ROLE 'x",
    ],
    "casts": [
        "'vault'::regclass IS NOT NULL",
        "CAST('vault' AS regclass) = 1",
        "name::super IS NULL",
        "CAST(name AS xml) IS NULL",
        "name::varchar(1)::int = 1",
        "TRY_CAST(name AS int) = 1",
        "CAST(name AS public.my_type) IS NULL",
        "CONVERT(int, name) = 1",
        "name::oid = 1",
        "name::int[] IS NULL",
    ],
    "CASE and other shapes": [
        "CASE WHEN 1=1 THEN true END",
        "CASE WHEN (SELECT secret FROM vault) = 'hidden' THEN active ELSE NOT active END",
        "DECODE(env, 'prod', true)",
        "IIF(true, true, false)",
        "NULLIF(true, false)",
        "greatest(vlan, 1) = 1",
        "active ORDER BY ip",
        "active LIMIT 1",
        "active GROUP BY 1 HAVING true",
        "active QUALIFY true",
        "active FOR UPDATE",
        "active INTO vault",
        "active AS x",
        "active, true",
        "*",
        "1",
        "ip = name || (SELECT 1)",
        "name ~ '(a+)+$'",
        "name SIMILAR TO '%'",
        "ROW(1) = ROW(1)",
        "(1,2) = (1,2)",
        "ARRAY[1] = ARRAY[1]",
        "@@x = 1",
        ":p = 1",
        "? = 1",
        "%s = 1",
        "{fn now()} IS NOT NULL",
        "a(+) = 1",
        "vlan BETWEEN SYMMETRIC 1 AND 2",
        "ip IS DISTINCT FROM name",
        'active COLLATE "C"',
        "ts AT TIME ZONE 'UTC' IS NULL",
        "PREDICT(x) = 1",
        "lambda x: x",
        "x -> 'a' = 1",
    ],
    "unicode": [
        "active\u00a0AND\u00a0true",
        "active\u2028; DROP TABLE m",
        "active\u037e DROP TABLE m",
        "active\uff1b DROP TABLE m",
        "ac\u200btive",
        "\u202eactive",
        "\uff53\uff45\uff4c\uff45\uff43\uff54",
        "\u0131p = 'x'",
        "\ufeffactive",
    ],
    "plain filters, which pass": [
        "active = true",
        "active AND env IN ('prod', 'dr')",
        "NOT active OR vlan BETWEEN 15 AND 25",
        "name LIKE 'srv-%'",
        "name = 'O''Brien'",
        "name = ';--/*'",
        "coalesce(env, '') <> ''",
        "1 = 1 OR 1 = 1",
        "current_date >= '2020-01-01'::date",
        "(((active)))",
    ],
}
PASSING = "plain filters, which pass"
NAMES = [
    *(
        'm"',
        'm" m2, public.vault --',
        "m;DROP TABLE vault",
        "m--",
        "m/**/",
        "m'",
        "m\\",
        "m$$",
        "public.vault",
        "",
        " ",
    ),
    *("vault) UNION SELECT 1 --", "(SELECT 1)", "m\n", "m\0", "m\u2019", "\uff4d\uff02", "1m", "m" * 128, "*", "$1"),
]


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, of_kind in FILTERS.items() for text in of_kind])
def test_a_filter_filters_or_is_refused(kind: str, text: str) -> None:
    before = state()
    query = InventoryQuery.model_validate(
        {"schema": "public", "table": "m", "ip_column": "ip", "name_column": "name", "additional_filters": [text]}
    )
    try:
        unloaded = unload(query)
    except JobSpecInvalidError as refusal:
        assert kind != PASSING
        assert "query.additional_filters.0" in str(refusal)  # noqa: PT017
    except duckdb.Error as failure:
        # A comparison with a column that the table lacks, or of types that do not fit, fails the statement.
        assert isinstance(failure, duckdb.BinderException | duckdb.ConversionException), failure  # noqa: PT017
    else:
        assert set(unloaded.rows) <= VISIBLE
        assert unloaded.counted == len(unloaded.rows)
    assert state() == before


def test_most_attempts_are_refused_and_every_plain_filter_passes() -> None:
    """What the test above may take either way is counted here, so that it can't come to accept everything."""
    outcomes: dict[str, list[str]] = {"refused": [], "failed": [], "passed": []}
    for text in (text for of_kind in FILTERS.values() for text in of_kind):
        query = InventoryQuery.model_validate(
            {"schema": "public", "table": "m", "ip_column": "ip", "name_column": "name", "active_filter": text}
        )
        try:
            unload(query)
        except JobSpecInvalidError:
            outcomes["refused"].append(text)
        except duckdb.Error:
            outcomes["failed"].append(text)
        else:
            outcomes["passed"].append(text)
    assert set(FILTERS[PASSING]) <= set(outcomes["passed"])
    attempts = [text for text in outcomes["passed"] if text not in FILTERS[PASSING]]
    assert sorted(attempts) == sorted(PASSED_AS_FILTERS)
    assert sorted(outcomes["failed"]) == sorted(FAILED_BY_THE_DATABASE)


# These are conditions after all: the quote trick stays inside its literal, or is a comparison like any other.
PASSED_AS_FILTERS = [
    "env = 'x'' OR ''1''=''1'",
    "env = 'x' OR '1'='1'",
    "env = 'x\u02bc OR 1=1 --'",
    "env = 'x\u2019 OR \u20191\u2019=\u20191'",
    "env = ''''",
    "env = ''''''",
    "env = '$' OR env = '$'",
    "env = '$a$'",
    "env = ''') TO ''s3://elsewhere/'' IAM_ROLE ''x'",
    "env = 'x'') TO ''s3://elsewhere/'' ALLOWOVERWRITE'",
    "{fn now()} IS NOT NULL",
    "active\u00a0AND\u00a0true",
]
# Columns that the table does not have, and a cast that its values refuse.
FAILED_BY_THE_DATABASE = ["CONVERT(int, name) = 1", "\uff53\uff45\uff4c\uff45\uff43\uff54", "\u0131p = 'x'"]


@pytest.mark.parametrize("field", ["schema", "table", "ip_column", "name_column"])
@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_one_plain_name_or_refused(field: str, name: str) -> None:
    before = state()
    fields = {"schema": "public", "table": "m", "ip_column": "ip", "name_column": "name", field: name}
    query = InventoryQuery.model_construct(
        schema_=fields["schema"],
        table=fields["table"],
        ip_column=fields["ip_column"],
        name_column=fields["name_column"],
    )
    with pytest.raises(JobSpecInvalidError, match="one plain name"):
        unload(query)
    assert state() == before


@pytest.mark.parametrize("name", [*NAMES[:-3], "*", "$1", "UPPER", "ip address", "machine_name"])
def test_an_output_name_is_one_plain_name_or_refused(name: str) -> None:
    query = InventoryQuery.model_validate({"schema": "public", "table": "m", "ip_column": "ip", "name_column": "name"})
    output = InventoryOutput.model_construct(
        s3_prefix="s3://bucket/x/", ip_output_column=name, name_output_column="machine_name"
    )
    with pytest.raises(JobSpecInvalidError, match=r"output\.ip_output_column is"):
        unload(query, output)


@pytest.mark.parametrize("text", ["O'Brien", "''", "');--", "it''s", ") TO 's3://elsewhere/'"])
def test_the_literal_of_unload_holds_any_quote(text: str) -> None:
    select = f"SELECT '{text.replace(chr(39), chr(39) * 2)}' AS x"
    unloading = parse_unload(unload_statement(select, TARGET, ROLE))
    assert (unloading.query, unloading.target, unloading.iam_role) == (select, TARGET, ROLE)
    assert warehouse().execute(unloading.query).fetchall() == [(text,)]
