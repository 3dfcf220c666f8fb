"""The known beacon in three days of real connections of a server: found by the product's ranking, and by RITA's score.

The logs are not part of this repository: they are looked for in `../shared/data/zeek_conn_76h`, or in the folder that
ZEEK_CONN_LOGS names. They are test data of RITA (github.com/activecm/rita, test_data/missing_host), whose publisher
tells which address beacons.
"""

from __future__ import annotations

import gzip
import os
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from benchmarks.rita import RitaScore, rita_score, span_start
from tests.jobs.job_chain import Project

from ndr.contract.datasets import PAIR_COUNTS, REGULARITY
from ndr.contract.time import Interval, mini_batch_id
from ndr.jobs.monitored import of_pairs
from ndr.jobs.published_slices import PublishedSlices
from ndr.jobs.regularity import pair_regularity, pair_scores
from ndr.store.scan import Scan

LOGS = Path(os.environ.get("ZEEK_CONN_LOGS", Path(__file__).parents[3] / "shared" / "data" / "zeek_conn_76h"))
BEACON = ("73.54.23.243", "64.225.56.201", 80)
DAY = Interval(datetime(2024, 4, 21, tzinfo=UTC), datetime(2024, 4, 22, tzinfo=UTC))
PAIR = ["src_ip", "dst_ip", "dst_port"]


@pytest.fixture(scope="module")
def logs() -> list[Path]:
    found = sorted(LOGS.glob("conn.*.log.gz"))
    if not found:
        pytest.skip("the real connections are not in ../shared/data/zeek_conn_76h or ZEEK_CONN_LOGS")
    return found


@pytest.fixture(scope="module")
def ranking(logs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The last day's pairs, best score first, of a project that monitors the server and has no baseline yet."""
    root = tmp_path_factory.mktemp("server")
    inputs = {"integration": f"{root.as_uri()}/integration/", "source": "zeek"}
    networks = {"internal": {"server": ["64.225.56.201/32"]}}
    project = Project(root, {"delta_builder": {"inputs": inputs}, "networks": networks})
    folder = project.root / "integration" / mini_batch_id(DAY)
    folder.mkdir(parents=True)
    for path in logs:
        if f"{DAY.start:%Y-%m-%d}T" in path.name:
            (folder / path.name).symlink_to(path)
    project.deltas(DAY)
    project.pair_counts(DAY)
    counts = of_pairs(Scan.of(project.uri("pair_counts"), PAIR_COUNTS, DAY).read(), project.spec("networks"))
    found = pair_regularity(counts, PublishedSlices.of([DAY], DAY))
    found = found.join(counts.group_by(PAIR).aggregate([("src_bytes_sum", "sum")]), PAIR)
    pairs = found.rename_columns([*found.column_names[:-1], "bytes_sent"])
    for name in (*(f"{column.name}_7d" for column in REGULARITY), "pair_rarity_score", "prevalence_hosts_cnt"):
        pairs = pairs.append_column(name, pa.nulls(len(pairs), pa.float64()))
    pairs = pairs.append_column("is_rare_pair", pa.nulls(len(pairs), pa.bool_()))
    pairs = pairs.append_column("active_hosts_cnt", pa.repeat(1, len(pairs)))
    scores = pair_scores(pairs, day_slices=96, baseline_slices=0).to_pylist()
    rows = [row | score for row, score in zip(pairs.to_pylist(), scores, strict=True)]
    return sorted(rows, key=lambda row: -row["score"])


def test_the_beacon_is_first_among_all_pairs(ranking: list[dict[str, Any]]) -> None:
    assert len(ranking) > 10_000
    first, second = ranking[:2]
    assert tuple(first[name] for name in PAIR) == BEACON
    assert first["is_regular"]
    assert first["score"] == pytest.approx(0.842, abs=0.001)
    assert second["score"] < 0.7


def test_names_and_time_are_known_by_their_ports(ranking: list[dict[str, Any]]) -> None:
    """The server asks for names and the time more regularly than anybody calls it, the beacon apart."""
    known = [row for row in ranking if row["is_well_known"]]
    assert {53, 123} <= {row["dst_port"] for row in known}
    assert max(row["active_slices_share"] for row in known) > 0.5
    assert not any(row["score"] for row in known)


def test_refused_scanners_are_not_regular(ranking: list[dict[str, Any]]) -> None:
    refused = [row for row in ranking if row["active_slices_share"] == 0]
    assert len(refused) > 5_000
    assert not any(row["score"] for row in refused)


@pytest.fixture(scope="module")
def rita(logs: list[Path]) -> dict[tuple[str, str], RitaScore]:
    """RITA's scores of the sources and destinations of the last 24 hours."""
    columns = ("ts", "id.orig_h", "id.resp_h", "orig_ip_bytes")
    rows = [row for path in logs[-26:] for row in _rows(path, columns)]
    start = span_start(max(int(float(row[0])) for row in rows))
    connections = defaultdict(list)
    for time, source, destination, sent in rows:
        if int(float(time)) >= start:
            connections[source, destination].append((int(float(time)), int(sent)))
    arrays = {pair: np.array(found) for pair, found in connections.items()}
    scores = {pair: rita_score(found[:, 0], found[:, 1]) for pair, found in arrays.items()}
    return {pair: score for pair, score in scores.items() if score}


def _rows(path: Path, columns: tuple[str, ...]) -> list[tuple[str, ...]]:
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    names = next(line for line in lines if line.startswith("#fields")).split("\t")[1:]
    places = [names.index(column) for column in columns]
    split = [line.split("\t") for line in lines if not line.startswith("#")]
    return [tuple(cells[place] for place in places) for cells in split]


def test_ritas_score_of_the_beacon(rita: dict[tuple[str, str], RitaScore]) -> None:
    beacon = rita[BEACON[:2]]
    assert round(beacon.score, 3) == 0.963
    assert round(beacon.timing, 3) == 0.852
    assert (beacon.size, beacon.histogram, beacon.duration) == (1, 1, 1)
    assert len(rita) == 883
    as_high = [pair for pair, found in rita.items() if round(found.score, 3) >= round(beacon.score, 3)]
    assert len(as_high) == 8
