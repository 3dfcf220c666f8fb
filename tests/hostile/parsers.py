"""Every parser as a property: whatever it is given, it succeeds or raises a named error.

Each is a hypothesis test. `make test` runs a few hundred examples of each; `make fuzz` lets atheris choose the examples
by the code that they reach (see `fuzz.py`).
"""

from __future__ import annotations

import gzip
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import fs
from tests.hostile.documents import damaged, damaged_bytes, scalars, texts, values
from tests.hostile.stand_in import VISIBLE, unload
from tests.statemachines.jobspecs import documents
from tests.unit.test_json_sources import OCSF, STRATA, SURICATA
from tests.unit.test_pan_os import THREAT, line

from ndr.contract.datasets import DELTAS
from ndr.contract.errors import NdrError
from ndr.contract.jobspecs import check_jobspecs, parse_jobspec
from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.contract.jobspecs.fg_b_builder import FgBBuilderSpec
from ndr.contract.jobspecs.machine_inventory_unload import InventoryQuery
from ndr.contract.jobspecs.port_classes import PortClasses
from ndr.contract.layout import TimeLayout, pattern_problem
from ndr.contract.manifest import Manifest
from ndr.contract.time import DAY, Interval, interval_of, parse_instant
from ndr.jobs.deltas.kernel import build_deltas
from ndr.jobs.deltas.read import read_integration, reads_of
from ndr.jobs.entry import Arguments, batch_of, optional
from ndr.jobs.fg_b.targets import backfill_targets, regular_targets
from ndr.jobs.inventory.month import snapshot_month
from ndr.jobs.inventory.snapshot import newest_snapshot
from ndr.planner import baseline_targets
from ndr.planner.requests import BaselinesRequest, MiniBatchRequest, parse_request
from ndr.sources.integration.validity import split
from ndr.sources.json_objects import are_lines
from ndr.sources.vpc_flow_logs import DEFAULT_FORMAT
from ndr.spark.instances import read_instances
from ndr.store.manifest import read_manifest
from ndr.store.partition import baseline_end_of
from ndr.store.publish import read_table

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY_ONE = Interval(parse_instant("2026-01-05"), parse_instant("2026-01-05") + DAY)
DEFAULTS = {"project_name": "ndr-test", "feature_spec_version": "v1"}
FG_B = FgBBuilderSpec.model_validate(documents("ndr-test")[3]["spec"])
FOLDER = Path(tempfile.mkdtemp(prefix="ndr-hostile-"))


@contextmanager
def named_errors_only(given_: Any) -> Iterator[None]:
    """Let named errors pass, and say of any other what it was that raised it."""
    try:
        yield
    except NdrError as error:
        assert len(str(error)) > 10, f"{given_!r:.3000}: the error says nothing"  # noqa: PT017
    except Exception as error:
        raise AssertionError(f"{type(error).__name__}: {error!s:.300} from {given_!r:.3000}") from error


BASELINES = {
    "mode": "BACKFILL",
    "horizon": "both",
    "start": "2026-01-01",
    "end": "2026-02-01T00:00:00Z",
    "inventory": True,
    "reference_month": "2026-01",
    "reprocess": "none",
    "max_concurrency": 4,
    "window_days": 28,
    "dry_run": False,
    "project_name": "ndr-test",
    "feature_spec_version": "v1",
}
BATCH = {
    "batch_start": "2026-01-05",
    "batch_end": "2026-01-06",
    "settle_minutes": 5,
    "mini_batch_id": "20260105T000000Z-PT1440M",
    "dry_run": True,
}


@given(damaged(BASELINES, 5) | values)
def baselines_requests(document: Any) -> None:
    with named_errors_only(document):
        request = parse_request(BaselinesRequest, document, NOW, DEFAULTS)
        baseline_targets(request, FG_B, NOW)


@given(damaged(BATCH, 4) | values)
def mini_batch_requests(document: Any) -> None:
    with named_errors_only(document):
        parse_request(MiniBatchRequest, document, NOW, DEFAULTS).batch(NOW)


@given(texts, texts, texts, texts)
def job_arguments(horizon: str, start: str, end: str, month: str) -> None:
    arguments = Arguments(batch_start_ts_iso=start, batch_end_ts_iso=end)
    for parse in (
        lambda: batch_of(arguments),
        lambda: regular_targets(horizon, optional(end)),
        lambda: backfill_targets(horizon, optional(start), optional(end), FG_B.cadence),
        lambda: snapshot_month(month),
    ):
        with named_errors_only((horizon, start, end, month)):
            parse()


@given(st.sampled_from(documents("ndr-test")).flatmap(damaged) | st.dictionaries(texts, values, max_size=6))
def jobspecs(document: dict[str, Any]) -> None:
    with named_errors_only(document):
        others = [item for item in documents("ndr-test") if item["job_name"] != document.get("job_name")]
        check_jobspecs(map(parse_jobspec, [document, *others]))


FLOW = {
    "source_ip": "10.0.0.1",
    "source_port": 40000,
    "destination_ip": "192.0.2.7",
    "destination_port": 443,
    "source_bytes": 1000,
    "destination_bytes": 2000,
    "event_start": "2026-01-05T06:15:00Z",
    "event_end": "2026-01-05T06:16:00Z",
    "event_action": "allow",
    "event_name": "TRAFFIC",
    "event_reason": "tcp-fin",
    "network_transport": "tcp",
}
DELTA_SPEC = DeltaBuilderSpec.model_validate(documents("ndr-test")[0]["spec"])
json_lines = (damaged(FLOW) | st.fixed_dictionaries(dict.fromkeys(FLOW, scalars)) | values).map(
    lambda row: json.dumps(row).encode()
)
integration_lines = st.lists(json_lines | json_lines.flatmap(damaged_bytes) | st.binary(max_size=20), max_size=6)


@given(integration_lines, st.sampled_from([b"\n", b"\r\n", b"\n\n"]), st.booleans())
def integration_json(lines: list[bytes], between: bytes, zipped: bool) -> None:
    content = between.join(lines)
    # Text that is not one object a line is counted by its objects.
    is_plain = are_lines(content) and b"}{" not in content
    rows = sum(1 for line in content.split(b"\n") if line.strip()) if is_plain else None
    path = FOLDER / ("flows.json.gz" if zipped else "flows.json")
    path.write_bytes(gzip.compress(content, compresslevel=0) if zipped else content)
    with named_errors_only(content):
        _check_integration(path, rows)


def _check_integration(path: Path, rows: int | None = None) -> None:
    table = read_integration(fs.LocalFileSystem(), [str(path)], DELTA_SPEC, threads=1)
    assert rows is None or table.num_rows == rows, f"{rows} rows in, {table.num_rows} read"
    parts = split(table, DAY_ONE)
    assert parts.flows.num_rows + parts.quarantined.num_rows == table.num_rows
    built = build_deltas(parts.flows, PortClasses(), 1.0)
    assert sum(built.deltas["sessions_cnt"].to_pylist()) == 2 * parts.flows.num_rows


INT64 = st.integers(-(2**63), 2**63 - 1)
plain_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


def column(values_: st.SearchStrategy[Any], type_: pa.DataType) -> st.SearchStrategy[pa.Array]:
    """Return columns of three values or nulls."""
    return st.lists(st.none() | values_, min_size=3, max_size=3).map(lambda found: pa.array(found, type_))


columns = st.one_of(
    column(INT64, pa.int64()),
    column(st.integers(0, 2**64 - 1), pa.uint64()),
    column(st.floats(), pa.float64()),
    column(st.booleans(), pa.bool_()),
    column(st.binary(max_size=8), pa.binary()),
    column(plain_text, pa.large_string()),
    column(st.datetimes(), pa.timestamp("us")),
    column(INT64, pa.timestamp("ns", tz="UTC")),
    column(INT64, pa.time64("us")),
    column(st.dates(), pa.date32()),
    column(st.decimals(-10, 10, places=2), pa.decimal128(20, 2)),
    st.just(pa.array([timedelta(1), None, timedelta(0)], pa.duration("us"))),
    st.just(pa.array([[1], None, []], pa.list_(pa.int64()))),
    st.just(pa.array([{"a": 1}, None, {"a": None}])),
    st.just(pa.array([None] * 3, pa.null())),
    st.just(pa.array([Decimal("1e30"), None, Decimal(1)], pa.decimal256(60, 2))),
)
GOOD_COLUMNS = {name: pa.array([value] * 3) for name, value in FLOW.items()}


@given(
    st.dictionaries(st.sampled_from(list(FLOW)), columns, max_size=3),
    st.sets(st.sampled_from(list(FLOW)), max_size=2),
    st.just(b"") | st.binary(max_size=6),
)
def integration_parquet(odd: dict[str, pa.Array], absent: set[str], damage: bytes) -> None:
    table = {name: column for name, column in {**GOOD_COLUMNS, **odd}.items() if name not in absent}
    sink = io.BytesIO()
    pq.write_table(pa.table(table), sink)
    content = sink.getvalue()
    path = FOLDER / "flows.parquet"
    path.write_bytes(content[: len(content) // 2] + damage + content[len(content) // 2 + len(damage) :])
    with named_errors_only((odd, absent, damage)):
        _check_integration(path, None if damage else 3)


ZEEK_FIELDS = [
    *("ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "duration"),
    *("orig_bytes", "resp_bytes", "conn_state", "orig_ip_bytes", "resp_ip_bytes"),
]
ZEEK_VALUES = "1713484795.943239 C1 192.0.2.7 25320 198.51.100.9 443 tcp 1.5 1 2 SF 3 4"
ZEEK_ROW = dict(zip(ZEEK_FIELDS, ZEEK_VALUES.split(), strict=True))
zeek_rows = damaged(ZEEK_ROW, 2).map(lambda row: "\t".join(str(value) for value in row.values()))
zeek_header = damaged(
    ["#separator \\x09", "#set_separator\t,", "#unset_field\t-", "#path\tconn", "#fields\t" + "\t".join(ZEEK_FIELDS)], 1
)
zeek_lines = st.tuples(zeek_header, st.lists(zeek_rows | texts, max_size=4)).map(
    lambda parts: "\n".join(map(str, [*parts[0], *parts[1]])).encode(errors="surrogatepass")
)
zeek_json = st.lists(damaged(ZEEK_ROW, 2).map(json.dumps), max_size=4).map(lambda rows: "\n".join(rows).encode())


@given(zeek_lines | zeek_lines.flatmap(damaged_bytes) | zeek_json.flatmap(damaged_bytes), st.booleans())
def zeek_logs(content: bytes, zipped: bool) -> None:
    check_source("zeek", content, zipped)


def check_source(source: str, content: bytes, zipped: bool, **changes: Any) -> None:
    """Read content as a log of a source: every row is a flow, quarantined, or not a flow."""
    path = FOLDER / f"{source}.log"
    path.write_bytes(gzip.compress(content, compresslevel=0) if zipped else content)
    inputs = DELTA_SPEC.inputs.model_copy(update={"source": source})
    spec = DELTA_SPEC.model_copy(update={"inputs": inputs, **changes})
    with named_errors_only(content):
        for read in reads_of(fs.LocalFileSystem(), [str(path)], spec, threads=1):
            assert sum(read.rows_of_file) == read.table.num_rows + sum(read.not_flows.values())
            parts = split(read.table, DAY_ONE)
            assert parts.flows.num_rows + parts.quarantined.num_rows == read.table.num_rows


PAN_OS_LINES = [line(), line(THREAT, header='<14>1 2026-01-05T06:03:20Z fw - - - [x a="1,2"] '), line(width=115)]
pan_os_line = st.sampled_from(PAN_OS_LINES).flatmap(lambda text: damaged_bytes(text.encode()))
pan_os_lines = st.lists(pan_os_line | st.binary(max_size=20), max_size=4).map(b"\n".join)


@given(pan_os_lines, st.booleans())
def pan_os_logs(content: bytes, zipped: bool) -> None:
    check_source("pan_os", content, zipped, time_zone="Europe/Berlin")


VPC_LINES = [DEFAULT_FORMAT, f"{DEFAULT_FORMAT} tcp-flags pkt-srcaddr"]
VPC_RECORD = "2 1 eni-1 10.0.0.1 192.0.2.9 50000 443 6 10 840 1767593000 1767593060 ACCEPT OK"
vpc_lines = st.tuples(
    st.sampled_from(VPC_LINES) | texts,
    st.lists(damaged_bytes(VPC_RECORD.encode()) | damaged_bytes(f"{VPC_RECORD} 2 10.0.0.3".encode()), max_size=5),
).map(lambda parts: b"\n".join([parts[0].encode(errors="surrogatepass"), *parts[1]]))


@given(vpc_lines, st.booleans())
def vpc_flow_logs(content: bytes, zipped: bool) -> None:
    check_source("vpc_flow_logs", content, zipped)


json_rows = st.sampled_from([SURICATA, OCSF, STRATA]).flatmap(damaged).map(json.dumps)
good_rows = st.sampled_from([SURICATA, OCSF, STRATA, ZEEK_ROW]).map(lambda row: [json.dumps(row)] * 40)
few_rows = st.lists(json_rows, max_size=4)
# Among enough rows of one shape, rows are read by it.
many_rows = st.tuples(good_rows, few_rows, good_rows).map(lambda parts: [row for part in parts for row in part])
json_logs = st.tuples(few_rows | few_rows | many_rows, st.sampled_from(["\n", "", ", "])).map(
    lambda parts: parts[1].join(parts[0]).encode(errors="surrogatepass")
)


@given(
    st.sampled_from(["suricata", "ocsf", "strata", "zeek"]), json_logs | json_logs.flatmap(damaged_bytes), st.booleans()
)
def json_sources(source: str, content: bytes, zipped: bool) -> None:
    check_source(source, content, zipped)


@given(zeek_lines | pan_os_lines | vpc_lines | json_logs | st.binary(max_size=60), st.booleans())
def recognised_logs(content: bytes, zipped: bool) -> None:
    check_source("auto", content, zipped)


SQL_WORDS = [
    *[
        "a",
        "ip",
        "env",
        "'prod'",
        "active",
        "vlan",
        "=",
        "<>",
        "<",
        ">=",
        "and",
        "or",
        "not",
        "in",
        "(",
        ")",
        ",",
        "1",
        "-2",
        "null",
        "is",
        "like",
        "ilike",
        "between",
        "true",
        "lower",
    ],
    *[
        "upper",
        "trim",
        "coalesce",
        "::",
        "date",
        "varchar",
        "cast",
        "as",
        "current_date",
        "interval",
        "'30'",
        "day",
        "-",
        "+",
        "date_trunc",
        "dateadd",
    ],
    *[
        "getdate",
        "'",
        "''",
        '"',
        "$$",
        "\\",
        ";",
        "--",
        "/*",
        "*/",
        "select",
        "from",
        "vault",
        "union",
        "secret",
        "drop",
        "table",
        "case",
        "when",
        "then",
        "end",
    ],
    *[
        "pg_sleep",
        "lo_import",
        "dblink",
        "set_config",
        "$1",
        ":p",
        "?",
        "@",
        "e'",
        "U&'",
        "||",
        "~",
        "any",
        "array",
        "[",
        "]",
        ".",
        "*",
        "over",
        "limit",
        "exists",
    ],
    *("\u2019", "\uff07", "\u00a0", "\u2028"),
]
sql_texts = (
    st.lists(st.sampled_from([*SQL_WORDS, "\n"]), min_size=1, max_size=12).flatmap(
        lambda words: st.sampled_from([" ", "", "\t"]).map(lambda between: between.join(words))
    )
    | texts.filter(bool)
    | st.text(min_size=1, max_size=60)
)
sql_conditions = st.sampled_from(
    ["active", "env = 'prod'", "vlan between 10 and 20", "name like 'srv-%'", "lower(env) in ('prod', 'dr')", "1 = 1"]
)
GOOD_QUERY = {"schema": "public", "table": "m", "ip_column": "ip", "name_column": "name"}


@given(
    damaged(GOOD_QUERY, 1),
    st.none() | sql_conditions | sql_texts | st.tuples(sql_conditions, sql_texts).map(" ".join),
    st.lists(sql_conditions | sql_texts, max_size=1),
)
def sql_fragments(query: dict[str, Any], active: str | None, further: list[str]) -> None:
    spec = {
        **documents("ndr-test")[4]["spec"],
        "query": {**query, "active_filter": active, "additional_filters": further},
    }
    with named_errors_only((query, active, further)):
        document = {**documents("ndr-test")[4], "spec": spec}
        parsed: InventoryQuery = parse_jobspec(document).spec.query
        try:
            unloaded = unload(parsed)
        except duckdb.Error:
            return  # Redshift, too, would fail the statement by name: a filter of types or columns that do not fit
        assert (
            set(unloaded.rows) <= VISIBLE
            or parsed.table != "m"
            or parsed.ip_column != "ip"
            or (parsed.name_column != "name")
        )
        assert unloaded.counted == len(unloaded.rows)
        assert not any("hidden" in map(str, row) for row in unloaded.rows)


RESOURCES = {"current_host": "algo-1", "hosts": ["algo-1", "algo-2"], "network_interface_name": "eth0"}


@given(
    damaged(RESOURCES, 2).map(lambda document: json.dumps(document).encode())
    | damaged_bytes(json.dumps(RESOURCES).encode())
    | st.integers(1, 200_000).map(lambda depth: b"[" * depth)
)
def resourceconfig(content: bytes) -> None:
    (FOLDER / "config").mkdir(exist_ok=True)
    (FOLDER / "config" / "resourceconfig.json").write_bytes(content)
    os.environ["NDR_OPT_ML"] = str(FOLDER)
    with named_errors_only(content):
        hosts = read_instances()
        assert hosts.current in hosts.names
        assert all(isinstance(name, str) and name for name in hosts.names)


def good_manifest() -> dict[str, Any]:
    tables = {
        name: {
            "rows": 1,
            "schema_sha256": "0" * 64,
            "files": [{"path": f"r1/{name}-00000.parquet", "rows": 1, "bytes": 10}],
        }
        for name in ("deltas", "machine_inventory")
    }
    manifest = Manifest(
        dataset="deltas",
        project_name="ndr-test",
        feature_spec_version="v1",
        start=DAY_ONE.start,
        end=DAY_ONE.end,
        tables=tables,
        code_version="c",
        run_id="r1",
        published_at=NOW,
    )
    return json.loads(manifest.model_dump_json())


@given(
    damaged(good_manifest(), 3).map(lambda document: json.dumps(document).encode()) | damaged_bytes(b'{"dataset": "x"}')
)
def manifests(content: bytes) -> None:
    partition = FOLDER / "inventory" / "snapshot_month=2026-01"
    partition.mkdir(parents=True, exist_ok=True)
    (partition / "_manifest.json").write_bytes(content)
    uri = partition.as_uri()
    with named_errors_only(content):
        manifest = read_manifest(uri)
        assert manifest is not None
        for table in manifest.tables.values():
            for file in table.files:
                assert not file.path.startswith("/")
                assert ".." not in file.path.split("/")
        assert manifest.interval.start < manifest.interval.end
        read_table(uri, manifest, DELTAS)
    with named_errors_only(content):
        output = parse_jobspec(documents("ndr-test")[4]).spec.output
        newest_snapshot(output.model_copy(update={"s3_prefix": partition.parent.as_uri() + "/"}), "2026-06")


folder_names = (
    texts
    | st.from_regex(r"\d{8}T\d{6}Z-PT\d{1,12}M", fullmatch=True)
    | st.from_regex(r"(end|snapshot_month)=[\d]{4,8}-?[\dTZ]{2,7}Z?", fullmatch=True)
)


@given(folder_names)
def partition_names(name: str) -> None:
    """A folder of another name is passed over, whatever its name looks like."""
    found = interval_of(name)
    assert found is None or found.start < found.end
    end = baseline_end_of(name)
    assert end is None or end.tzinfo is UTC


patterns = st.lists(st.sampled_from(["%Y", "%m", "%d", "%H", "%M", "/", "dt=", "%"]) | texts, max_size=9).map("".join)


@given(patterns | st.sampled_from(["%Y/%m/%d/%H/", "eventDay=%Y%m%d/"]), texts | st.from_regex(r"[\d/]{8,14}/a"))
def time_layouts(pattern: str, path: str) -> None:
    """A pattern is refused with a sentence, or names folders; a path of another form is in none of them."""
    problem = pattern_problem(pattern)
    if problem:
        assert repr(pattern) in problem
        return
    layout = TimeLayout(pattern, timedelta(minutes=15))
    found = layout.folder_of(path)
    if found:
        assert path.startswith(found[0])
        assert found[0] == layout.folder_name(found[1].start)
        assert found[1].start in layout.time_of_file(found[1], found[1].start)


PARSERS: dict[str, Callable[[], None]] = {
    test.__name__: test
    for test in (
        baselines_requests,
        mini_batch_requests,
        job_arguments,
        jobspecs,
        integration_json,
        integration_parquet,
        zeek_logs,
        pan_os_logs,
        vpc_flow_logs,
        json_sources,
        recognised_logs,
        sql_fragments,
        resourceconfig,
        manifests,
        partition_names,
        time_layouts,
    )
}
