"""The findings of the newest day: the largest score of each host and pair, on published partitions."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from tests.unit.findings_tables import (
    BASELINE,
    END,
    HOST,
    OTHER,
    PEER,
    host,
    jobspecs_of,
    pair,
    publish,
    publish_names,
    reason,
)

from ndr.contract.errors import InsufficientHistoryError
from ndr.contract.manifest import Owner
from ndr.contract.time import DAY, Interval
from ndr.findings import Confidence, Severity, newest_findings
from ndr.findings.identity import finding_uid

TODAY = Interval(END - DAY, END)


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


def test_a_finding_has_its_uid_reasons_baseline_and_source(tmp_path: Path) -> None:
    told = reason("bytes_sent_sum", 14.5)
    rows = [host(HOST, 5, 14.5, p_value=1e-5, reasons=[told]), host(HOST, 6, 11.0, p_value=5e-5), host(OTHER, 5, 3.0)]
    key = {name: told[name] for name in ("metric", "role", "window_label", "baseline_horizon")}
    at = {"host_ip": HOST, "window_end": END - DAY + timedelta(hours=5)}
    manifest = publish(tmp_path, TODAY, rows, [pair(HOST, 443, 5, 0.8)], [{**key, **at, "p95": 900.0}])
    found = newest_findings(jobspecs_of(tmp_path))
    first, second = found.hosts
    assert first.uid == finding_uid(Owner("p", "v1"), "host", (HOST,), TODAY)
    assert found.pairs[0].uid == finding_uid(Owner("p", "v1"), "pair", (HOST, PEER, 443), TODAY)
    assert (first.is_finding, second.is_finding, found.pairs[0].is_finding) == (True, False, True)
    assert (first.first_seen.hour, first.last_seen.hour) == (5, 6)
    assert (first.severity, first.confidence) == (Severity.MEDIUM, Confidence.HIGH)
    assert found.pairs[0].confidence is Confidence.UNKNOWN
    (explained,) = first.reasons
    assert (explained.value, explained.usual, explained.p95, explained.factor) == (5000.0, 100.0, 900.0, 50.0)
    assert explained.baseline is not None
    assert (explained.baseline.horizon, explained.baseline.as_of) == ("30d", END - DAY)
    assert explained.baseline.run_id == BASELINE
    assert (first.source.run_id, first.source.published_at) == (manifest.run_id, manifest.published_at)
    assert first.source.uri.endswith("/fg_c/dt=2026-01-31/20260131T000000Z-PT1440M")
    assert first.segment == "10.0.0.0/24"


def test_without_enough_calibration_the_score_decides_and_with_it_the_p_value(tmp_path: Path) -> None:
    uncalibrated = {"calibration_count": 50}
    rows = [
        host("10.0.0.1", 2, 30.0, p_value=0.001),  # usual in this network
        host("10.0.0.2", 2, 4.0, p_value=0.0001),
        host("10.0.0.3", 2, 10.0, p_value=0.02) | uncalibrated,
        host("10.0.0.4", 2, 9.9, p_value=0.02) | uncalibrated,
        host("10.0.0.5", 2, 10.0, p_value=None),
    ]
    publish(tmp_path, TODAY, rows, [pair(HOST, 80, 2, 0.5), pair(HOST, 81, 2, 0.49)])
    found = newest_findings(jobspecs_of(tmp_path))
    assert {row.host_ip for row in found.hosts if row.is_finding} == {"10.0.0.2", "10.0.0.3", "10.0.0.5"}
    assert {row.dst_port for row in found.pairs if row.is_finding} == {80}
