"""Findings as OCSF events and as ECS documents, held against OCSF's schema and ECS's field reference."""

from __future__ import annotations

import json
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import jsonschema
import pytest
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
from tests.unit.ecs_fields import ARRAYS, FIELDS, KINDS, TYPES_OF_CATEGORY, VERSION, flat
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

from ndr.contract.time import DAY, Interval, parse_instant
from ndr.findings import Findings, FindingsPlace
from ndr.findings.attack import attacks
from ndr.findings.days import day_findings
from ndr.findings.formats import ECS, FORMATS, OCSF, Format, documents_of, lines_of
from ndr.findings.states import Activity, Status, activity_of

TODAY = Interval(END - DAY, END)
SCAN = [
    reason("syn_only_cnt", 6.0, window_label="24h"),
    reason("peer_ip_nunique", 5.0),
    reason("admin_peer_cnt", 3.0, usual=0.0, factor=None),
]
SILENT = reason("silence", 12.0, value=0.0, usual=30.5, factor=0.0, window_label="1h")
CALL = {"is_new": True, "is_regular": True, "regularity": 0.9, "sessions_cnt": 96, "bytes": 30_000}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """A scanning host with a name, a silent one, an IPv6 host, and a pair that calls by the clock."""
    root = tmp_path_factory.mktemp("scores")
    rows = [
        host(HOST, 5, 14.0, "A; b; c.", 2e-5, SCAN),
        host(HOST, 6, 13.0, "A; b; c.", 3e-5, SCAN),
        host(OTHER, 24, 12.0, "No session in 1h.", None, [SILENT]) | {"is_silent": True},
        host("fd00::7", 1, 25.0, "Ü.", 1e-5, [reason("bytes_sent_sum", 25.0, value=1e12, judged_by="segment")]),
    ]
    p95 = {"host_ip": HOST, "window_end": END - DAY + timedelta(hours=5), "p95": 912.5}
    score = p95 | {name: SCAN[1][name] for name in ("metric", "role", "window_label", "baseline_horizon")}
    publish(root, TODAY, rows, [pair(HOST, 443, 3, 0.95, **CALL)], [score])
    publish_names(root, {HOST: "WS-001"})
    place = FindingsPlace.of(jobspecs_of(root))
    return day_findings(place, TODAY, END).findings


@pytest.fixture(scope="module")
def schema() -> Any:
    embedded = OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.5.0"))
    return jsonschema.Draft202012Validator(embedded.get_class_schema("detection_finding"))


def written(form: Format, findings: Findings) -> list[dict[str, Any]]:
    """The documents of all findings as they are read back, and what closes each."""
    opened = [form.document(each, activity_of(each), each.modified) for each in findings.all]
    closed = [form.closed(each, Status.RESOLVED, END) for each in opened]
    return documents_of(lines_of([*opened, *closed]))


def test_ocsf_events_are_valid_detection_findings(found: Findings, schema: Any) -> None:
    events = written(OCSF, found)
    assert len(events) == 8
    for event in events:
        schema.validate(event)
        assert event["type_uid"] == 100 * event["class_uid"] + event["activity_id"]
    broken = json.loads(json.dumps(events[0]))
    del broken["finding_info"]["uid"]
    assert not schema.is_valid(broken)


def test_ocsf_has_value_usual_baseline_and_source(found: Findings) -> None:
    scan = next(each for each in found.hosts if each.host_ip == HOST)
    event = OCSF.document(scan, Activity.CREATE, scan.modified)
    (analysis,) = event["anomaly_analyses"]
    anomaly, usual = analysis["anomalies"][1], analysis["baselines"][1]
    assert anomaly["observation_parameter"] == usual["observation_parameter"] == "peer_ip_nunique outbound 8h"
    assert [each["value"] for each in anomaly["observations"]] == ["5000"]
    assert [each["value"] for each in usual["observations"]] == ["median 100", "p95 912.5"]
    assert usual["observation_type"] == f"host baseline 30d as of 2026-01-31 run {BASELINE}"
    assert "contribution = discount weight log2" in event["finding_info"]["analytic"]["desc"]
    assert event["evidences"][0]["data"] == {"partition": scan.source.uri, "run_id": scan.source.run_id}
    assert (event["severity"], event["confidence"], event["confidence_score"]) == ("Medium", "Medium", 99)
    assert event["device"]["hostname"] == "WS-001"
    assert (event["count"], event["time"] - event["start_time"]) == (2, 3_600_000)
    assert event["unmapped"]["reasons"][1]["p95"] == 912.5


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_documents_are_read_back_as_they_were_told(found: Findings, form: Format) -> None:
    for each in found.all:
        told = form.document(each, Activity.UPDATE, each.modified)
        assert form.uid_of(told) == each.uid
        assert abs(form.modified_of(told) - each.modified) < timedelta(milliseconds=1)
        assert not form.is_closed(told)
        closed = form.closed(told, Status.SUPPRESSED, END)
        assert form.is_closed(closed)
        assert (form.uid_of(closed), form.modified_of(closed)) == (each.uid, END)


IS_TYPE = {
    "keyword": lambda value: isinstance(value, str) and len(value.encode()) <= 32766,
    "match_only_text": lambda value: isinstance(value, str),
    "long": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": lambda value: isinstance(value, float),
    "date": lambda value: bool(parse_instant(value)),
    "ip": lambda value: bool(ip_address(value)),
}


def test_ecs_documents_have_fields_of_the_reference_with_its_types(found: Findings) -> None:
    used = set()
    for document in written(ECS, found):
        for name, value in flat(document).items():
            assert isinstance(value, list) == (name in ARRAYS), name
            for each in value if isinstance(value, list) else [value]:
                assert IS_TYPE[FIELDS[name]](each), (name, each)
            used.add(name)
        event = document["event"]
        assert document["ecs"]["version"] == VERSION
        assert event["kind"] in KINDS
        assert all(set(event["type"]) <= TYPES_OF_CATEGORY[category] for category in event["category"])
        assert set(document) - {"ndr"} == {name.partition(".")[0] for name in flat(document)}
    assert used == set(FIELDS)


def test_techniques_are_named_only_where_the_flows_look_like_them(found: Findings) -> None:
    of_host = {each.host_ip: [attack.technique_id for attack in attacks(each)] for each in found.hosts}
    assert of_host == {HOST: ["T1046", "T1021"], OTHER: [], "fd00::7": []}
    (call,) = found.pairs
    assert [(attack.tactic_id, attack.technique_id) for attack in attacks(call)] == [("TA0011", None)]
    assert call.dst_ip == PEER
