"""The findings of the newest day: the largest score of each host and pair, on published partitions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ndr.contract.datasets import (
    FG_B,
    FG_B_IP_METADATA,
    FG_C,
    FG_C_HOSTS,
    FG_C_PAIRS,
    FG_C_SCORES,
    Dataset,
)
from ndr.contract.errors import InsufficientHistoryError
from ndr.contract.jobspecs import JobSpecs, parse_jobspec
from ndr.contract.time import DAY, Interval
from ndr.findings import newest_findings
from ndr.store.partition import baseline_partition_uri, time_partition_uri
from ndr.store.publish import PartitionWriter
from ndr.store.schema import arrow_schema

END = datetime(2026, 2, 1, tzinfo=UTC)
ZERO: dict[str, Any] = {"int64": 0, "float64": 0.0, "string": "", "bool": False, "timestamp": END, "reasons": []}
FACTS = {"project_name": "p", "feature_spec_version": "v1", "code_version": "test"}
HOST, OTHER, PEER = "10.0.0.1", "10.0.0.2", "203.0.113.7"


def jobspecs_of(root: Path, without: str = "") -> JobSpecs:
    uri = {name: (root / name).as_uri() + "/" for name in ("fg_a", "pair_counts", "fg_b", "fg_c", "inventory")}
    specs = {
        "fg_b_builder": {
            "inputs": {
                "fg_a": uri["fg_a"],
                "pair_counts": uri["pair_counts"],
                "machine_inventory": uri["inventory"],
            },
            "outputs": {"fg_b": uri["fg_b"]},
        },
        "fg_c_builder": {
            "inputs": {name: uri[name] for name in ("fg_a", "pair_counts", "fg_b")},
            "outputs": {"fg_c": uri["fg_c"]},
        },
    }
    same = {"project_name": "p", "feature_spec_version": "v1", "updated_at": "2026-01-01T00:00:00Z", "owner": "t"}
    return {name: parse_jobspec({"job_name": name, "spec": spec, **same})
            for name, spec in specs.items() if name != without}  # fmt: skip


def table(dataset: Dataset, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Return rows as the dataset's table, in key order. A missing value is zero."""
    zeros = {column.name: ZERO[column.type] for column in dataset.columns}
    filled = sorted(({**zeros, **row} for row in rows), key=lambda row: tuple(row[name] for name in dataset.key))
    return pa.Table.from_pylist(filled, schema=arrow_schema(dataset))


def publish(root: Path, day: Interval, hosts: Iterable[Mapping[str, Any]], pairs: Iterable[Mapping[str, Any]]) -> None:
    writer = PartitionWriter(time_partition_uri((root / "fg_c").as_uri(), day))
    for dataset, rows in ((FG_C_SCORES, []), (FG_C_HOSTS, hosts), (FG_C_PAIRS, pairs)):
        writer.write(table(dataset, rows), dataset)
    writer.commit(dataset=FG_C, start=day.start, end=day.end, **FACTS)


def publish_names(root: Path, names: Mapping[str, str]) -> None:
    writer = PartitionWriter(baseline_partition_uri((root / "fg_b").as_uri(), "30d", END - DAY))
    rows = [{"host_ip": address, "machine_name": name} for address, name in names.items()]
    writer.write(table(FG_B_IP_METADATA, rows), FG_B_IP_METADATA)
    writer.commit(dataset=FG_B, start=END - 31 * DAY, end=END - DAY, **FACTS)


def host(address: str, hour: int, score: float, sentence: str = "Why.", p_value: float | None = 0.5) -> dict[str, Any]:
    end = END - DAY + timedelta(hours=hour)
    return {"host_ip": address, "window_end": end, "score": score, "p_value": p_value, "sentence": sentence}


def pair(source: str, port: int, hour: int, score: float, sentence: str = "Why.") -> dict[str, Any]:
    end = END - DAY + timedelta(hours=hour)
    return {"src_ip": source, "dst_ip": PEER, "dst_port": port, "window_end": end, "score": score, "sentence": sentence}


def test_each_host_and_pair_has_its_largest_score_of_the_day(tmp_path: Path) -> None:
    hosts = [
        host(HOST, 3, 2.0),
        host(HOST, 5, 9.0, "Sent a lot.", 0.01),
        host(HOST, 6, 9.0, "Later."),
        host(OTHER, 4, 11.0),
    ]
    pairs = [pair(HOST, 443, 4, 1.5), pair(HOST, 443, 8, 1.0), pair(HOST, 80, 1, 7.0, "New.")]
    publish(tmp_path, Interval(END - DAY, END), hosts, pairs)
    publish_names(tmp_path, {HOST: "WS-001"})
    found = newest_findings(jobspecs_of(tmp_path))
    assert found.day == Interval(END - DAY, END)
    assert [(row.host_ip, row.machine_name, row.score, row.window_end.hour) for row in found.hosts] == [
        (OTHER, None, 11.0, 4),
        (HOST, "WS-001", 9.0, 5),
    ]
    assert (found.hosts[1].sentence, found.hosts[1].p_value) == ("Sent a lot.", 0.01)
    assert [(row.dst_port, row.score, row.sentence) for row in found.pairs] == [(80, 7.0, "New."), (443, 1.5, "Why.")]
    assert {row.machine_name for row in found.pairs} == {"WS-001"}
    assert (found.hosts_scored, found.pairs_scored) == (2, 2)


def test_usual_hosts_and_those_of_earlier_days_are_left_out_and_the_count_holds(tmp_path: Path) -> None:
    publish(tmp_path, Interval(END - 2 * DAY, END - DAY), [host("10.0.0.9", -3, 99.0)], [])
    hosts = [host(f"10.0.0.{number}", 2, float(number), p_value=None) for number in range(5)]
    publish(tmp_path, Interval(END - DAY, END), hosts, [])
    found = newest_findings(jobspecs_of(tmp_path), count=3)
    assert [row.host_ip for row in found.hosts] == ["10.0.0.4", "10.0.0.3", "10.0.0.2"]
    assert found.hosts[0].p_value is None
    assert found.pairs == ()
    assert found.hosts_scored == 5
    assert [row.score for row in newest_findings(jobspecs_of(tmp_path), count=9).hosts] == [4.0, 3.0, 2.0, 1.0]


def test_what_is_missing_is_an_error_with_the_command_to_type(tmp_path: Path) -> None:
    with pytest.raises(InsufficientHistoryError, match="no fg_c_builder JobSpec.*ndr jobspec put"):
        newest_findings(jobspecs_of(tmp_path, without="fg_c_builder"))
    with pytest.raises(InsufficientHistoryError, match="ndr run mini-batch"):
        newest_findings(jobspecs_of(tmp_path))
