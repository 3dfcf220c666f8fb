"""Conn logs become mini-batches: every row in exactly one, the same again on a re-run, nothing written on a bad log."""

import gzip
import hashlib
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndr.contract.errors import InvalidRequestError, SchemaMismatchError
from ndr.contract.time import EPOCH, SLICE, floor_to
from ndr.local.ingest import IngestedFile, Progress, ingest
from ndr.local.ingest.logs import find_logs
from ndr.local.ingest.spool import Spool
from ndr.sources.integration.columns import INTEGRATION_SCHEMA

T = datetime(2026, 1, 30, 12, 0, tzinfo=UTC)
FIELDS = (
    "ts", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "duration", "orig_bytes", "resp_bytes",
    "conn_state",
)  # fmt: skip


def seconds(instant: datetime) -> str:
    micros = (instant - EPOCH) // timedelta(microseconds=1)
    return f"{micros // 10**6}.{micros % 10**6:06d}"


def write_log(path: Path, starts: list[datetime], extra: tuple[str, ...] = (), first_port: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        "\t".join([seconds(start), "10.0.0.1", str(first_port + n), "10.0.0.2", "443", "tcp", "5.0", "1", "2", "SF"])
        for n, start in enumerate(starts)
    ]
    lines = ["#separator \\x09", "#unset_field\t-", "#path\tconn", "\t".join(["#fields", *FIELDS]), *rows, *extra]
    path.write_bytes(gzip.compress("\n".join(lines).encode() + b"\n", mtime=0))
    return path


def batches_in(prefix: Path) -> dict[str, list[int]]:
    """Source ports of each complete batch, part by part."""
    return {
        folder.name: [port for part in sorted(folder.glob("part-*.parquet"))
                      for port in pq.read_table(part)["source_port"].to_pylist()]
        for folder in sorted(prefix.iterdir()) if (folder / "_SUCCESS").exists()
    }  # fmt: skip


def files_in(prefix: Path) -> dict[str, str]:
    return {str(path.relative_to(prefix)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in prefix.rglob("*") if path.is_file()}  # fmt: skip


def test_a_connection_is_in_the_slice_that_holds_its_start_whichever_file_logs_it(tmp_path):
    write_log(tmp_path / "logs/conn.12.log.gz", [T, T + SLICE - timedelta(microseconds=1), T - timedelta(hours=2)])
    write_log(tmp_path / "logs/conn.13.log.gz", [T + SLICE, T + timedelta(seconds=1)], first_port=11)
    report = ingest(tmp_path / "logs", f"file://{tmp_path}/out")
    assert {name: sorted(ports) for name, ports in batches_in(tmp_path / "out").items()} == {
        "20260130T100000Z-PT15M": [3],
        "20260130T120000Z-PT15M": [1, 2, 12],
        "20260130T121500Z-PT15M": [11],
    }
    assert [(batch.interval.start, batch.interval.end, batch.rows, batch.was_complete) for batch in report.batches] == [
        (T - timedelta(hours=2), T - timedelta(hours=2) + SLICE, 1, False),
        (T, T + SLICE, 3, False),
        (T + SLICE, T + 2 * SLICE, 1, False),
    ]
    assert (report.rows_in, report.rows_out, report.rejected, report.rejected_uri) == (5, 5, 0, None)
    assert report.batches[0].uri == f"file://{tmp_path}/out/20260130T100000Z-PT15M/"


def test_a_part_is_the_integration_schema_in_order_of_start(tmp_path):
    write_log(tmp_path / "conn.log.gz", [T + timedelta(seconds=9), T, T + timedelta(seconds=9)])
    ingest(tmp_path / "conn.log.gz", f"file://{tmp_path}/out", batch="1d")
    (part,) = (tmp_path / "out/20260130T000000Z-PT1440M").glob("part-*.parquet")
    table = pq.read_table(part)
    assert table.schema.remove_metadata() == INTEGRATION_SCHEMA
    assert table["source_port"].to_pylist() == [2, 1, 3]
    assert table["event_end"].to_pylist() == [
        start + timedelta(seconds=5) for start in table["event_start"].to_pylist()
    ]


def test_json_parts_say_the_same(tmp_path):
    write_log(tmp_path / "conn.log.gz", [T + timedelta(microseconds=120)])
    ingest(tmp_path / "conn.log.gz", f"file://{tmp_path}/out", file_format="json")
    (part,) = (tmp_path / "out/20260130T120000Z-PT15M").glob("part-*.json.gz")
    assert [json.loads(line) for line in gzip.decompress(part.read_bytes()).splitlines()] == [
        {
            "source_ip": "10.0.0.1", "source_port": 1, "destination_ip": "10.0.0.2", "destination_port": 443,
            "source_bytes": 1, "destination_bytes": 2, "event_start": "2026-01-30T12:00:00.000120Z",
            "event_end": "2026-01-30T12:00:05.000120Z", "event_action": "allow", "event_name": "TRAFFIC",
            "event_reason": "tcp-fin", "network_transport": "tcp",
        }
    ]  # fmt: skip


def test_a_second_run_writes_the_same_bytes_and_another_format_replaces_them(tmp_path):
    write_log(tmp_path / "logs/conn.1.log.gz", [T, T + SLICE], extra=("broken",))
    write_log(tmp_path / "logs/conn.2.log.gz", [T], first_port=7)
    prefix = f"file://{tmp_path}/out/"
    ingest(tmp_path / "logs", prefix)
    first = files_in(tmp_path / "out")
    again = ingest(tmp_path / "logs", prefix)
    assert files_in(tmp_path / "out") == first
    assert all(batch.was_complete for batch in again.batches)
    ingest(tmp_path / "logs", prefix, file_format="json")
    assert {name.replace(".json.gz", ".parquet") for name in files_in(tmp_path / "out")} == {
        name.replace(".json.gz", ".parquet") for name in first
    }
    assert not list((tmp_path / "out").rglob("*.parquet"))


def test_a_later_log_adds_to_the_batches_its_connections_started_in(tmp_path):
    prefix = f"file://{tmp_path}/out"
    ingest(write_log(tmp_path / "one/conn.00:00:00-01:00:00.log.gz", [T]), prefix)
    late = ingest(write_log(tmp_path / "two/conn.00:00:00-01:00:00.log.gz", [T, T + SLICE], first_port=5), prefix)
    assert sorted(batches_in(tmp_path / "out")["20260130T120000Z-PT15M"]) == [1, 5]
    assert [(batch.rows, batch.was_complete) for batch in late.batches] == [(1, True), (1, False)]


def test_a_copy_of_a_log_is_named_and_its_rows_are_not_counted_twice(tmp_path):
    one = write_log(tmp_path / "logs/conn.a.log.gz", [T, T])
    copy = tmp_path / "logs/conn.b.log.gz"
    copy.write_bytes(one.read_bytes())
    plain = tmp_path / "logs/conn.c.log"
    plain.write_bytes(gzip.decompress(one.read_bytes()))
    report = ingest(tmp_path / "logs", f"file://{tmp_path}/out")
    duplicates = [IngestedFile(str(path), 0, 0, duplicate_of=str(one)) for path in (copy, plain)]
    assert report.files == (IngestedFile(str(one), 2, 0, source="zeek", certainty=1.0), *duplicates)
    assert (report.rows_in, report.rows_out) == (2, 2)


@given(
    st.lists(
        st.lists(
            st.one_of(
                st.integers(min_value=0, max_value=10 * 86_400 * 10**6),
                st.sampled_from(["short\trow", "\t".join(["x"] * 10), "\t".join(["-"] * 10), "#close\t2026"]),
            ),
            max_size=12,
        ),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(["15m", "1h", "1d", timedelta(minutes=45)]),
)
def test_rows_in_are_rows_out_and_rejected(tmp_path_factory, logs, batch):
    folder = tmp_path_factory.mktemp("ingest")
    starts, bad = [], []
    for number, lines in enumerate(logs):
        good = [T + timedelta(microseconds=line) for line in lines if isinstance(line, int)]
        extra = tuple(line for line in lines if isinstance(line, str))
        # The #open line keeps logs without a row from being copies of one another.
        write_log(folder / f"logs/conn.{number}.log.gz", good, (f"#open\t{number}", *extra))
        starts += good
        bad += [line for line in extra if not line.startswith("#")]
    try:
        report = ingest(folder / "logs", f"file://{folder}/out", batch=batch)
    except SchemaMismatchError:  # no log has a row that can be used
        assert bad
        assert not starts
        return
    length = {"15m": SLICE, "1h": 4 * SLICE, "1d": 96 * SLICE}.get(batch, batch)
    expected = Counter(floor_to(start, length) for start in starts)
    assert {batch.interval.start: batch.rows for batch in report.batches} == expected
    assert (report.rows_in, report.rows_out, report.rejected) == (len(starts) + len(bad), len(starts), len(bad))
    kept = [json.loads(line) for part in sorted((folder / "out/_rejected").glob("*"))
            for line in gzip.decompress(part.read_bytes()).splitlines()]  # fmt: skip
    assert Counter(line["raw"] for line in kept if not line["raw"].startswith("{")) <= Counter(bad)
    assert len(kept) == len(bad)


def test_rejected_lines_are_kept_beside_the_batches(tmp_path):
    log = write_log(tmp_path / "conn.log.gz", [T], extra=("broken",))
    report = ingest(log, f"file://{tmp_path}/out")
    assert report.rejected_uri == f"file://{tmp_path}/out/_rejected/"
    (part,) = (tmp_path / "out/_rejected").iterdir()
    assert json.loads(gzip.decompress(part.read_bytes())) == {
        "source_file": str(log), "row_number": 1, "reason": "bad_line: 1 fields where #fields names 10",
        "raw": "broken",
    }  # fmt: skip


def test_bad_logs_are_named_together_and_what_is_whole_is_used(tmp_path):
    write_log(tmp_path / "logs/conn.1.log.gz", [T])
    for number in (2, 3):
        bad = write_log(tmp_path / f"logs/conn.{number}.log.gz", [T + n * SLICE for n in range(300)], first_port=number)
        bad.write_bytes(bad.read_bytes()[:-40])
    report = ingest(tmp_path / "logs", f"file://{tmp_path}/out")
    assert [sentence.partition(" can't be read to its end")[0] for sentence in report.bad] == [
        str(tmp_path / f"logs/conn.{number}.log.gz") for number in (2, 3)
    ]
    assert report.rows_out > 500
    assert report.rows_in == report.rows_out + report.rejected


def test_a_log_of_a_folder_of_which_too_little_is_left_is_named_too(tmp_path):
    write_log(tmp_path / "logs/conn.1.log.gz", [T])
    bad = write_log(tmp_path / "logs/conn.2.log.gz", [T], first_port=2)
    bad.write_bytes(bad.read_bytes()[:30])
    report = ingest(tmp_path / "logs", f"file://{tmp_path}/out")
    assert (report.rows_out, len(report.bad), report.left_out) == (1, 1, ())
    assert report.bad[0].startswith(f"{bad} can't be read to its end")


def test_without_a_log_that_can_be_used_nothing_is_written_and_all_are_named(tmp_path):
    for number in (1, 2):
        bad = write_log(tmp_path / f"logs/conn.{number}.log.gz", [T], first_port=number)
        bad.write_bytes(bad.read_bytes()[:12])
    with pytest.raises(SchemaMismatchError, match=r"conn\.1\.log\.gz can't be read .*conn\.2\.log\.gz can't be read"):
        ingest([tmp_path / "logs/conn.1.log.gz", tmp_path / "logs/conn.2.log.gz"], f"file://{tmp_path}/out")
    assert not list((tmp_path / "out").glob("2*"))


def test_a_log_of_which_no_row_can_be_used_is_an_error_with_the_most_frequent_reason(tmp_path):
    log = write_log(tmp_path / "conn.log", [], extra=("a", "b", "\t".join(["x"] * 10), "c"))
    with pytest.raises(SchemaMismatchError) as caught:
        ingest(log, f"file://{tmp_path}/out")
    assert str(caught.value) == (
        f"{log}: none of its 4 rows can be used. The most frequent reason, of 3 rows: bad_line: 1 fields where #fields "
        "names 10."
    )


def test_a_row_far_from_the_others_of_its_log_is_rejected(tmp_path):
    log = write_log(tmp_path / "conn.log", [T, T + SLICE, EPOCH, T])
    report = ingest(log, f"file://{tmp_path}/out")
    assert (report.rows_out, report.rejected, len(report.batches)) == (3, 1, 2)
    (part,) = (tmp_path / "out/_rejected").iterdir()
    row = json.loads(gzip.decompress(part.read_bytes()))
    assert row["reason"] == (
        "far_from_log: event_start 1970-01-01T00:00:00Z is more than 366 days from the middle of its log, "
        "2026-01-30T12:00:00Z"
    )
    assert json.loads(row["raw"])["source_port"] == 3


def test_progress_tells_every_file_and_every_batch(tmp_path):
    write_log(tmp_path / "logs/conn.1.log.gz", [T, T + SLICE])
    write_log(tmp_path / "logs/conn.2.log.gz", [T], first_port=4)
    steps: list[Progress] = []
    ingest(tmp_path / "logs", f"file://{tmp_path}/out", progress=steps.append)
    assert steps == [
        Progress("read", 1, 2, "conn.1.log.gz", 2),
        Progress("read", 2, 2, "conn.2.log.gz", 1),
        Progress("write", 1, 2, "20260130T120000Z-PT15M", 2),
        Progress("write", 2, 2, "20260130T121500Z-PT15M", 1),
    ]


def test_a_folder_gives_its_logs_and_says_what_it_leaves_out_and_why(tmp_path):
    log = write_log(tmp_path / "logs/2026-01-30/conn.00.log.gz", [T])
    write_log(tmp_path / "logs/anything", [T])
    for name, content in (
        ("empty.log", ""),
        ("inventory.csv", "a,b\n"),
        ("_SUCCESS", "x"),
        ("dns.log", "#path\tdns\n"),
    ):
        (tmp_path / "logs" / name).write_text(content)
    found = find_logs(tmp_path / "logs")
    assert [each.path for each in found.logs] == [str(log), str(tmp_path / "logs/anything")]
    assert {Path(each.path).name: each.reason for each in found.left_out} == {
        "_SUCCESS": "its name starts with _ or .",
        "dns.log": "its content is not that of a log of a known source",
        "empty.log": "it is empty",
        "inventory.csv": "its content is not that of a log of a known source",
    }
    report = ingest(tmp_path / "logs", f"file://{tmp_path}/out")
    assert report.left_out == tuple(found.left_out)


def test_several_paths_and_patterns_are_read(tmp_path):
    for number in range(4):
        write_log(tmp_path / f"day{number}/conn.log", [T], first_port=number)
    paths = [str(tmp_path / "day0"), str(tmp_path / "day[12]/*.log"), f"file://{tmp_path}/day3/conn.log"]
    assert ingest(paths, f"file://{tmp_path}/out").rows_out == 4
    with pytest.raises(InvalidRequestError, match=r"No file matches .*/x\*"):
        find_logs(str(tmp_path / "x*"))


def test_logs_without_rows_make_no_batch(tmp_path):
    report = ingest(write_log(tmp_path / "conn.log.gz", []), f"file://{tmp_path}/out")
    assert (report.rows_in, report.batches) == (0, ())


@pytest.mark.parametrize("batch", ["20m", "15", "0m", "1w", "-15m", timedelta(minutes=7), timedelta()])
def test_a_batch_is_whole_slices(tmp_path, batch):
    log = write_log(tmp_path / "conn.log.gz", [T])
    with pytest.raises(InvalidRequestError, match="write whole 15-minute slices"):
        ingest(log, f"file://{tmp_path}/out", batch=batch)


@pytest.mark.parametrize(
    ("source", "message"),
    [("gone", "gone does not exist"), ("empty", "empty holds no log of a known source"), ([], "No log is named")],
)
def test_a_source_without_logs_is_told_so(tmp_path, source, message):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidRequestError, match=message):
        ingest(tmp_path / source if isinstance(source, str) else source, f"file://{tmp_path}/out")


def test_a_log_of_another_kind_is_told_so(tmp_path):
    log = tmp_path / "conn.log"
    log.write_text("#separator \\x09\n#path\tdns\n#fields\tts\tuid\tquery\n1\tC\texample.org\n")
    with pytest.raises(SchemaMismatchError, match=r"conn\.log is not a log of a known source"):
        ingest(log, f"file://{tmp_path}/out")


def test_a_prefix_that_is_none_or_not_writable_is_told_so(tmp_path):
    log = write_log(tmp_path / "conn.log.gz", [T])
    with pytest.raises(InvalidRequestError, match="use s3://bucket/path or file:///path"):
        ingest(log, "/just/a/path")
    (tmp_path / "file").touch()
    with pytest.raises(InvalidRequestError, match="can't be written"):
        ingest(log, f"file://{tmp_path}/file/out")


def test_the_spool_cuts_exactly_at_the_edges_of_a_batch(tmp_path):
    starts = [EPOCH, EPOCH + SLICE - timedelta(microseconds=1), EPOCH + SLICE]
    spool = Spool(tmp_path, SLICE)
    rows = [{**dict.fromkeys(INTEGRATION_SCHEMA.names), "event_start": start} for start in starts]
    spool.add("a", pa.Table.from_pylist(rows, schema=INTEGRATION_SCHEMA))
    assert [interval.start for interval in spool.batches()] == [EPOCH, EPOCH + SLICE]
    assert [part.num_rows for _, part in spool.parts(spool.batches()[0])] == [2]
