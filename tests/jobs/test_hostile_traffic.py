"""Traffic that would cost memory: small cases of `make bench BENCH=hostile_traffic`, each against plain traffic."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyarrow import fs
from tests.jobs.job_chain import Project, random_flows

from ndr.contract.datasets import DELTAS, LATE_FOLDER, PEER_DELTAS, QUARANTINE
from ndr.contract.jobspecs import DELTA_BUILDER
from ndr.contract.time import DAY, SLICE, Interval, format_instant, mini_batch_id, parse_instant
from ndr.jobs.deltas.bad_files import BadFiles
from ndr.jobs.deltas.files import parts_of
from ndr.jobs.deltas.quarantine import QuarantineFiles
from ndr.sources.json_lines import BLOCK_BYTES, LONGEST_LINE
from ndr.store.publish import PartitionWriter, in_key_order, read_table
from ndr.store.schema import arrow_schema

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

JOB = Path(__file__).parents[2] / "benchmarks" / "bench_hostile_traffic_run.py"
DAY_ONE = Interval(parse_instant("2026-01-05"), parse_instant("2026-01-06"))
BATCH = Interval(DAY_ONE.end + DAY, DAY_ONE.end + DAY + SLICE)
BATCHES = {"inside": DAY_ONE, "outside": BATCH}
MIB = 1 << 20


def flow(number: int, batch: Interval, **changes: Any) -> str:
    """Return one of many flows of a batch as a line; hosts and peers repeat."""
    start = batch.start.timestamp() + number * 0.01 % batch.duration.total_seconds()
    return json.dumps(
        {
            "source_ip": f"10.0.{number % 7}.{number % 50}",
            "source_port": 40000 + number % 1000,
            "destination_ip": f"192.0.2.{number % 90}",
            "destination_port": 443,
            "source_bytes": number,
            "destination_bytes": 7,
            "event_start": start,
            "event_end": start + 1,
            "event_action": "allow",
            "event_name": "TRAFFIC",
            "event_reason": "tcp-fin",
            "network_transport": "tcp",
            **changes,
        }
    )


class Peaks:
    """Peak memory of jobs that run as processes of their own, each over a batch of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def deliver(self, name: str, batch: Interval, files: dict[str, bytes]) -> Path:
        folder = self._folder / name
        place = folder / "v1" / "integration" / mini_batch_id(batch)
        place.mkdir(parents=True)
        for file, content in files.items():
            (place / file).write_bytes(content)
        return folder

    def of(self, folder: Path, batch: Interval, job: str = "delta") -> tuple[float, list[int]]:
        """Return a job's peak in MiB, and the rows that it used, quarantined and published."""
        command = [sys.executable, str(JOB), job, str(folder), *map(format_instant, (batch.start, batch.end))]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            output = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        return usage.ru_maxrss / 1024, [int(number) for number in output.splitlines()[-1].split()]


@pytest.fixture
def peaks(tmp_path: Path) -> Peaks:
    return Peaks(tmp_path)


def test_a_long_line_costs_no_more_than_a_block(peaks: Peaks) -> None:
    first, second = flow(0, BATCH), flow(1, BATCH)
    long = flow(2, BATCH, event_reason="a" * (100 * MIB))
    plain = peaks.deliver("plain", BATCH, {"0.json.gz": gzip.compress(f"{first}\n{second}\n".encode())})
    hostile = peaks.deliver("hostile", BATCH, {"0.json.gz": gzip.compress(f"{first}\n{long}\n{second}\n".encode(), 1)})
    usual, _ = peaks.of(plain, BATCH)
    peak, (used, quarantined, _) = peaks.of(hostile, BATCH)
    assert (used, quarantined) == (2, 1)
    assert peak < usual + 40


def test_out_of_batch_rows_cost_less_than_1_3_times_the_same_rows_in_their_batch(peaks: Peaks) -> None:
    lines = "".join(f"{flow(number, DAY_ONE)}\n" for number in range(60_000)).encode()
    inside, outside = (peaks.deliver(name, batch, {"0.json": lines}) for name, batch in BATCHES.items())
    usual, (used, _, _) = peaks.of(inside, DAY_ONE)
    peak, (_, quarantined, _) = peaks.of(outside, BATCH)
    assert used == quarantined == 60_000
    kept = list((outside / "v1" / "deltas" / LATE_FOLDER).glob("dt=*/*/*.json"))
    assert len({path.parent for path in kept}) == 1  # the hardest case: all in one slice
    assert max(path.stat().st_size for path in kept) < 6 * MIB
    assert peak < 1.3 * usual


def test_many_small_files_cost_what_one_file_with_their_rows_costs(peaks: Peaks) -> None:
    lines = [f"{flow(number, BATCH)}\n".encode() for number in range(10_000)]
    one = peaks.deliver("one", BATCH, {"0.json": b"".join(lines)})
    files = {f"{number}.json": b"".join(lines[number * 5 : number * 5 + 5]) for number in range(2000)}
    many = peaks.deliver("many", BATCH, files)
    usual, rows = peaks.of(one, BATCH)
    peak, same_rows = peaks.of(many, BATCH)
    assert rows == same_rows
    assert peak < usual + 60


def test_a_scanners_peers_cost_less_than_two_kilobytes_each_in_every_job(peaks: Peaks) -> None:
    peers = 40_000
    usual_peers = peaks.deliver("few", BATCH, {"0.json": "".join(map(scan, range(100))).encode()})
    scanned = peaks.deliver("many", BATCH, {"0.json": "".join(map(scan, range(peers))).encode()})
    for job in ("delta", "fg_a", "pair_counts"):
        usual, _ = peaks.of(usual_peers, BATCH, job)
        peak, (*_, published) = peaks.of(scanned, BATCH, job)
        assert published >= peers
        assert peak < usual + peers * 2048 / MIB + 32, job


def scan(number: int) -> str:
    peer = f"10.{number // 2**16}.{number // 2**8 % 256}.{number % 256}"
    return flow(number, BATCH, source_ip="192.0.2.1", destination_ip=peer) + "\n"


@pytest.mark.parametrize("files", [1, 40, 1000])
def test_small_files_come_in_parts_of_about_a_block(tmp_path: Path, files: int) -> None:
    content = (flow(1, BATCH) + "\n").encode() * 10
    paths = [str(tmp_path / f"{number}.json") for number in range(files)]
    for path in paths:
        Path(path).write_bytes(content)
    spec = Project(tmp_path / "project").spec(DELTA_BUILDER)
    parts = list(parts_of(fs.LocalFileSystem(), paths, spec, BadFiles()))
    assert [path for part in parts for path in part.paths] == paths
    assert len(parts) == -(-files // -(-BLOCK_BYTES // len(content)))


def test_quarantine_is_written_as_it_comes(tmp_path: Path) -> None:
    writer = PartitionWriter(tmp_path.as_uri())
    schema = arrow_schema(QUARANTINE)
    rows = schema.empty_table().from_pylist(
        [{"source_file": "f", "row_number": n, "reason": "bad_json: x", "raw": "x" * 1024} for n in range(1024)], schema
    )
    with QuarantineFiles(writer) as quarantine:
        for _ in range(100):
            quarantine.add(rows)
            assert sum(table.nbytes for table in quarantine.held) < 10 * MIB
    files = writer.tables[QUARANTINE.name].files
    assert (len(files), sum(file.rows for file in files)) == (13, 100 * 1024)
    with QuarantineFiles(empty := PartitionWriter((tmp_path / "empty").as_uri())) as quarantine:
        quarantine.add(schema.empty_table())
    assert [file.rows for file in empty.tables[QUARANTINE.name].files] == [0]


@pytest.fixture
def hostile_files() -> dict[str, str]:
    """A large file with a long line, and small files, some of them with rows that can't be used or of another time."""
    rows = [json.dumps(row) for row in random_flows(BATCH, 2500, seed=3)]
    late = [json.dumps(row) for row in random_flows(DAY_ONE, 60, seed=4)]
    large = [*rows[:2000], flow(0, BATCH, event_reason="a" * LONGEST_LINE), *late[:30]]
    files = {"large.json": "\n".join(large)}
    for number in range(100):
        odd = ["{}", "not json"] if number % 9 == 0 else []
        files[f"small-{number}.json"] = "\n".join([*rows[2000 + 5 * number : 2005 + 5 * number], *odd])
    return files | {"late.json": "\n".join(late[30:])}


def test_both_engines_publish_the_same(tmp_path: Path, spark: SparkSession, hostile_files: dict[str, str]) -> None:
    published = [engine(Project(tmp_path / "local"), hostile_files)]
    published.append(engine(Project(tmp_path / "spark", spark=spark), hostile_files))
    assert published[0] == published[1]
    assert published[0]["rows"]["rows_used"] == 2500
    assert published[0]["rows"]["rows_quarantined"] == 1 + 60 + 2 * 12
    assert sum(len(content.splitlines()) for content in published[0]["late"].values()) == 60


def engine(project: Project, files: dict[str, str]) -> dict[str, Any]:
    """Build a batch of files, and return what is published and kept of it, without the paths."""
    for name, content in files.items():
        path = project.root / "integration" / mini_batch_id(BATCH) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (manifest,) = project.deltas(BATCH)
    (uri,) = (path.parent.as_uri() for path in project.root.glob("deltas/dt=*/*/_manifest.json"))
    read: Callable[..., Any] = lambda dataset: read_table(uri, manifest, dataset)  # noqa: E731
    quarantined = [
        (Path(row["source_file"]).name, row["row_number"], row["reason"], row["raw"])
        for row in read(QUARANTINE).to_pylist()
    ]
    late = project.root / "deltas" / LATE_FOLDER
    assert manifest.rows is not None
    return {
        "rows": manifest.rows.model_dump(),
        "deltas": in_key_order(read(DELTAS), DELTAS).to_pylist(),
        "peer_deltas": in_key_order(read(PEER_DELTAS), PEER_DELTAS).to_pylist(),
        "quarantined": sorted(quarantined),
        "late": {str(path.relative_to(late)): path.read_text() for path in late.glob("dt=*/*/*.json")},
    }
