"""What real deliveries have wrong with them: the right rows are used, and the rest is told."""

from __future__ import annotations

import bz2
import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import fs
from tests.unit.logs import flows_and_rejects, spec_of
from tests.unit.test_integration_files import GOOD, READ_AS
from tests.unit.test_pan_os import line
from tests.unit.test_zeek_conn_log import head, row

from ndr.contract.errors import SchemaMismatchError
from ndr.jobs.deltas import mini_batches
from ndr.jobs.deltas.read import read_integration
from ndr.jobs.deltas.same_content import without_copies
from ndr.sources.content import Content
from ndr.sources.registry import source_of
from ndr.sources.source import Sample

CODECS = {"gzip": gzip.compress, "bz2": bz2.compress, "zstd": lambda raw: pa.compress(raw, codec="zstd", asbytes=True)}
ZEEK = "\n".join([*head(), *[row(uid=str(number)) for number in range(300)]]).encode()


def written(folder: Path, content: bytes, name: str = "a.log") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("name", ["conn.log", "conn.log.gz", "x.parquet.log", "stream-1-uuid"])
def test_compression_is_told_by_the_first_bytes(tmp_path: Path, codec: str, name: str) -> None:
    flows, rejected = flows_and_rejects(written(tmp_path, CODECS[codec](ZEEK), name), source="auto")
    assert (len(flows), rejected) == (300, [])


@pytest.mark.parametrize("codec", CODECS)
@given(cut=st.floats(0, 1), damage=st.binary(max_size=4))
def test_what_stands_before_a_damage_is_read_and_nothing_else_is_made_up(
    tmp_path_factory: pytest.TempPathFactory, codec: str, cut: float, damage: bytes
) -> None:
    whole = CODECS[codec](ZEEK)
    place = int(cut * len(whole))
    path = written(tmp_path_factory.mktemp("cut"), whole[:place] + damage)
    content = Content(fs.LocalFileSystem(), str(path))
    found = b"".join(iter(lambda: content.read(1000), b""))
    if content.damage is None:
        assert found == ZEEK or place < 4  # too little is left of it to tell its compression
    else:
        assert ZEEK.startswith(found[: len(ZEEK)]) or damage


def test_all_bad_files_of_a_batch_are_named_together(tmp_path: Path) -> None:
    cut = gzip.compress(json.dumps(GOOD).encode() * 50)[:-9]
    paths = [str(written(tmp_path, content, name)) for name, content in (
        ("0.json", json.dumps(GOOD).encode()), ("1.json.gz", cut), ("2.parquet", b"x"), ("3.json", b'{"src": 1}'),
    )]  # fmt: skip
    with pytest.raises(SchemaMismatchError) as caught:
        read_integration(fs.LocalFileSystem(), paths, spec_of())
    assert [name for name in ("0.json", "1.json.gz", "2.parquet", "3.json") if name in str(caught.value)] == [
        "1.json.gz", "2.parquet", "3.json",
    ]  # fmt: skip


@pytest.mark.parametrize("codec", CODECS)
def test_a_log_beside_its_compressed_copies_counts_once(tmp_path: Path, codec: str) -> None:
    suffix = {"gzip": ".gz", "bz2": ".bz2", "zstd": ".zst"}[codec]
    paths = [written(tmp_path, ZEEK, "conn.log"), written(tmp_path, CODECS[codec](ZEEK), f"conn.log{suffix}")]
    if codec == "gzip":
        paths.append(written(tmp_path, CODECS[codec](ZEEK), "conn.2.log.gz"))
    folder = mini_batches._folder(tmp_path.as_uri(), mini_batches.interval_of("20240418T000000Z-PT1440M"))  # type: ignore[arg-type]
    assert folder is not None
    assert len(folder.paths) == len(paths)
    (distinct,) = without_copies([folder])
    assert len(distinct.paths) == 1


def test_nested_names_and_words_are_mapped_by_the_job_spec(tmp_path: Path) -> None:
    nested = {
        "time": 1769839262500, "end": 1769839263000, "verdict": "Permitted",
        "src": {"ip": "10.0.0.1", "port": 50000}, "dst.ip": "2001:db8::1", "dst.port": 443,
        "bytes": {"out": 100, "in": 200}, "how": "closed", "event_name": "traffic", "net": {"proto": {"name": "six"}},
    }  # fmt: skip
    mapping = {
        "source_ip": "src.ip", "source_port": "src.port", "destination_ip": "dst.ip", "destination_port": "dst.port",
        "source_bytes": "bytes.out", "destination_bytes": "bytes.in", "event_start": "time", "event_end": "end",
        "event_action": "verdict", "event_reason": "how", "network_transport": "net.proto.name",
    }  # fmt: skip
    words = {"event_action": {"permitted": "allow"}, "event_reason": {"closed": "tcp-fin"},
             "network_transport": {"SIX": "tcp"}}  # fmt: skip
    path = written(tmp_path, "".join(json.dumps(nested) + "\n" for _ in range(3)).encode(), "a.json")
    options: dict[str, Any] = {"field_mapping": mapping, "value_mapping": words}
    assert flows_and_rejects(path, source="integration", **options) == ([READ_AS] * 3, [])
    alone = written(tmp_path, (json.dumps(nested) + "\n{\n").encode(), "b.json")
    flows, (rejected,) = flows_and_rejects(alone, source="integration", **options)
    assert (flows, rejected["row_number"]) == ([READ_AS], 1)


def test_actions_of_firewalls_are_words_of_the_contract_and_naive_times_have_the_zone(tmp_path: Path) -> None:
    rows = [
        GOOD | {"event_action": word, "event_start": start, "event_end": "2026-01-31 07:01:03"}
        for word in ("reset-both", "drop-icmp", "block-url", "sinkhole")
        for start in ("2026/01/31 07:01:02", "2026-01-31T07:01:02")
    ]
    path = written(tmp_path, "".join(json.dumps(each) + "\n" for each in rows).encode(), "a.json")
    flows, rejected = flows_and_rejects(path, source="integration", time_zone="Europe/Berlin")
    assert rejected == []
    assert [flow["event_action"] for flow in flows] == [
        *("deny", "deny", "drop", "drop", "deny", "deny", "deny", "deny"),
    ]
    assert {flow["event_start"].hour for flow in flows} == {6}


@pytest.mark.parametrize(
    ("text", "zone", "instant"),
    [
        ("2026-07-01 12:00:00", "Europe/Berlin", "2026-07-01T10:00:00Z"),
        ("2026-10-25 02:30:00", "Europe/Berlin", "2026-10-25T00:30:00Z"),  # twice: the first
        ("2026-03-29 02:30:00", "Europe/Berlin", "2026-03-29T01:30:00Z"),  # never
        ("2026-07-01 12:00:00", "Asia/Kathmandu", "2026-07-01T06:15:00Z"),
        ("2026-07-01T12:00:00.25+02:00", "Asia/Kathmandu", "2026-07-01T10:00:00.250000Z"),
    ],
)
def test_the_zone_of_local_times(text: str, zone: str, instant: str) -> None:
    from ndr.sources.integration.texts import instant_texts
    from ndr.sources.values.times import to_timestamp

    for column in (pa.array([text]), pa.array([text, None, "2026-01-01T00:00:00Z", "nonsense"])):
        assert instant_texts(to_timestamp(column, zone).values)[0].as_py() == instant


@pytest.mark.parametrize(
    ("source", "content", "said"),
    [
        ("pan_os", ZEEK, "is not a log of pan_os: it looks like zeek (certainty 1.00)"),
        ("zeek", line().encode(), "is not a log of zeek: it looks like pan_os (certainty 0.98)"),
        ("auto", b"a,b\n1,2\n", "is not a log of a known source (integration, ocsf, pan_os, strata, suricata"),
    ],
)
def test_a_file_of_another_source_is_refused_as_a_whole(tmp_path: Path, source: str, content: bytes, said: str) -> None:
    with pytest.raises(SchemaMismatchError) as caught:
        flows_and_rejects(written(tmp_path, content), source=source)
    assert said in str(caught.value)


def test_auto_says_which_source_and_how_sure() -> None:
    found = source_of("auto", Sample("a.log", line().encode()))
    assert (found.source.name, found.certainty) == ("pan_os", 0.98)
