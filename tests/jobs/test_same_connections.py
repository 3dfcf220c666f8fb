"""The same connections make the same deltas, whatever log tells them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from tests.jobs.job_chain import Project
from tests.jobs.same_connections import LOGS, Connection, Log, connections
from tests.unit.test_pan_os import THREAT, line

from ndr.contract.datasets import DELTAS, PEER_DELTAS, QUARANTINE, Dataset
from ndr.contract.manifest import Manifest
from ndr.contract.time import SLICE, Interval, mini_batch_id, parse_instant
from ndr.local.ingest import ingest
from ndr.store.publish import in_key_order, read_table
from ndr.store.storage import put_bytes

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

BATCH = Interval(parse_instant("2026-01-31T06:00:00Z"), parse_instant("2026-01-31T07:00:00Z"))
COUNT = 10_000
ONE_DIRECTION = "vpc_flow_logs"


class Built:
    """The deltas of a batch of log files."""

    def __init__(self, folder: Path, source: str, files: dict[str, bytes], spark: SparkSession | None = None) -> None:
        changes = {"inputs": {"integration": (folder / "in").as_uri() + "/", "source": source}, "time_zone": "UTC"}
        project = Project(folder, {"delta_builder": changes}, spark=spark)
        for name, content in files.items():
            put_bytes(f"{(folder / 'in').as_uri()}/{mini_batch_id(BATCH)}/{name}", content)
        self.manifest: Manifest
        (self.manifest,) = project.deltas(BATCH)
        self._project = project

    def rows(self, dataset: Dataset) -> pa.Table:
        partition = f"{self._project.uri('deltas')}dt=2026-01-31/{mini_batch_id(BATCH)}"
        table = read_table(partition, self.manifest, dataset)
        return in_key_order(table, dataset) if dataset.key else table


@pytest.fixture(scope="module")
def drawn() -> list[Connection]:
    return connections(COUNT, BATCH)


@pytest.fixture(scope="module")
def expected(drawn: Sequence[Connection], tmp_path_factory: pytest.TempPathFactory) -> Built:
    log = LOGS[0]
    return Built(tmp_path_factory.mktemp("expected"), log.source, {log.name: log.write(drawn, BATCH)})


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.name)
def test_the_same_connections_make_the_same_deltas(
    tmp_path: Path, drawn: Sequence[Connection], expected: Built, log: Log
) -> None:
    built = Built(tmp_path, "auto" if log.name.endswith("json") else log.source, {log.name: log.write(drawn, BATCH)})
    account = built.manifest.rows
    assert account is not None
    assert (account.rows_quarantined, account.rows_repeated, account.rows_not_flows) == (0, 0, {})
    mine, theirs = ((each.rows(DELTAS).drop_columns(list(log.untold))) for each in (built, expected))
    if log.source != ONE_DIRECTION:
        assert account.rows_used == COUNT
        assert mine.equals(theirs)
        assert built.rows(PEER_DELTAS).equals(expected.rows(PEER_DELTAS))
        return
    for name in ("bytes_sent_sum", "bytes_recv_sum"):
        assert pc.sum(mine[name]) == pc.sum(theirs[name])
    # Connections between the same ends within a pause of each other are one where no SYN tells them apart.
    sessions = pc.sum(theirs["sessions_cnt"]).as_py()
    assert 0 <= sessions - pc.sum(mine["sessions_cnt"]).as_py() <= 0.005 * sessions
    peers, expected_peers = built.rows(PEER_DELTAS), expected.rows(PEER_DELTAS)
    # An ICMP message has no port that tells who sent the first one, and the times are whole seconds.
    different = set(map(_row, peers.to_pylist())) ^ set(map(_row, expected_peers.to_pylist()))
    assert len(different) <= 0.005 * (peers.num_rows + expected_peers.num_rows)
    # What no reply answers is what the connections say was not answered.
    silent = sum(each.received == 0 and not each.is_denied for each in drawn)
    assert account.records_unpaired == silent
    assert built.manifest.note is not None
    assert f"{silent:,} of {account.records:,} records of one direction" in built.manifest.note


def test_records_that_came_with_another_batch_are_paired_where_they_belong(
    tmp_path: Path, drawn: Sequence[Connection]
) -> None:
    first, second = Interval(BATCH.start, BATCH.start + SLICE), Interval(BATCH.start + SLICE, BATCH.start + 2 * SLICE)
    found = [each._replace(start=900 + each.start % 600) for each in drawn[:40]]
    content = next(log for log in LOGS if log.name == "flow-v3.log").write(found, BATCH)
    changes = {"inputs": {"integration": (tmp_path / "in").as_uri() + "/", "source": "vpc_flow_logs"}}
    project = Project(tmp_path, {"delta_builder": changes})
    put_bytes(f"{(tmp_path / 'in').as_uri()}/{mini_batch_id(first)}/flow.log", content)
    (late,) = project.deltas(first)
    assert late.rows is not None
    assert (late.rows.rows_used, late.rows.rows_quarantined) == (0, late.rows.rows_in)
    (built,) = project.deltas(second)
    assert built.rows is not None
    assert (built.rows.rows_used, built.rows.rows_quarantined) == (late.rows.rows_in, 0)
    partition = f"{project.uri('deltas')}dt=2026-01-31/{mini_batch_id(second)}"
    assert pc.sum(read_table(partition, built, DELTAS)["sessions_cnt"]).as_py() == 2 * 40


@pytest.mark.parametrize("name", ["flow-v5.log", "pan-9.1.log.gz"])
def test_ingested_logs_make_the_deltas_of_the_logs_themselves(
    tmp_path: Path, drawn: Sequence[Connection], name: str
) -> None:
    log = next(each for each in LOGS if each.name == name)
    content = log.write(drawn[:300], BATCH)
    native = Built(tmp_path / "native", log.source, {name: content})
    (tmp_path / name).write_bytes(content)
    ingest(tmp_path / name, (tmp_path / "ingested" / "in").as_uri(), "1h", time_zone="UTC")
    ingested = Built(tmp_path / "ingested", "integration", {})
    assert ingested.manifest.rows == native.manifest.rows
    for dataset in (DELTAS, PEER_DELTAS):
        assert ingested.rows(dataset).equals(native.rows(dataset))


def test_lost_records_lower_the_coverage_by_their_share(tmp_path: Path, drawn: Sequence[Connection]) -> None:
    text = next(log for log in LOGS if log.name == "flow-v3.log").write(drawn[:30], BATCH).decode()
    lost = "\n".join("5 1 eni-1 - - - - - - - 1769839384 1769839444 - SKIPDATA - - - - -" for _ in range(10))
    built = Built(tmp_path, "vpc_flow_logs", {"flow.log": f"{text}\n{lost}".encode()})
    account = built.manifest.rows
    assert account is not None
    assert account.rows_not_flows == {"skipdata": 10}
    assert built.manifest.coverage == pytest.approx(1 - 10 / account.rows_in)


def _row(row: dict[str, object]) -> tuple[str, ...]:
    return tuple(map(str, row.values()))


@pytest.mark.parametrize("source", ["pan_os", "vpc_flow_logs", "auto"])
def test_both_engines_read_logs_alike(
    tmp_path: Path, drawn: Sequence[Connection], spark: SparkSession, source: str
) -> None:
    files = {log.name: log.write(drawn[:400], BATCH) for log in LOGS if log.source == source}
    if source == "auto":
        files = {log.name: log.write(drawn[:100], BATCH) for log in LOGS}
    if source == "pan_os":
        odd = [line(c5="start"), line(THREAT), line(c24="5", c33="11"), line(c8="nowhere"), line(c4="SYSTEM"), "x"]
        files["odd.log"] = "\n".join(odd).encode()
    if source == "vpc_flow_logs":
        text = files["flow-v3.log"].decode()
        files["flow-v3.log"] = (text + "\n" + text.partition("\n")[2].replace("eni-1", "eni-2")).encode()
    here, there = (Built(tmp_path / name, source, files, engine) for name, engine in (("a", None), ("b", spark)))
    assert here.manifest.rows == there.manifest.rows
    assert here.manifest.note == there.manifest.note
    if source == "auto":
        assert here.manifest.note is not None
        assert "pan_os, certainty 0.80 (1 file); pan_os, certainty 0.98 (3 files); strata" in here.manifest.note
    for dataset in (DELTAS, PEER_DELTAS):
        assert there.rows(dataset).equals(here.rows(dataset))
    told = [
        sorted((row["row_number"], row["reason"], row["raw"]) for row in each.rows(QUARANTINE).to_pylist())
        for each in (here, there)
    ]
    assert told[0] == told[1]
    if source == "pan_os":
        account = here.manifest.rows
        assert account is not None
        assert account.rows_not_flows == {"session start": 1, "PAN-OS log SYSTEM": 1}
        assert (account.rows_quarantined, account.rows_used) == (2, 4 * 400 + 2)
        assert pc.sum(here.rows(DELTAS)["sessions_cnt"]).as_py() == 2 * (4 * 400 + 6)
