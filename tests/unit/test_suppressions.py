"""Suppressions: which findings they fit, how they are counted, when they end, and what is refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.findings_tables import END, HOST, OTHER, PEER, host, jobspecs_of, pair, publish, reason, table

from ndr.contract.datasets import FG_C_PAIRS
from ndr.contract.errors import JobSpecInvalidError
from ndr.contract.jobspecs import check_jobspecs, parse_jobspec
from ndr.contract.jobspecs.networks import Networks
from ndr.contract.jobspecs.suppressions import Suppression, SuppressionsSpec
from ndr.contract.manifest import Owner
from ndr.contract.time import DAY, SLICE, Interval
from ndr.findings import Findings, FindingsPlace, newest_findings
from ndr.findings.days import day_findings
from ndr.findings.identity import day_of_window, finding_uid
from ndr.findings.suppressing import matching

TODAY = Interval(END - DAY, END)
TOLD: dict[str, Any] = {"expires": "2026-03-01", "owner": "it", "reason": "Known."}
NETWORKS = Networks(segments={"lab": ("10.0.0.0/25",)})
ADDRESSES = st.sampled_from(
    ["10.0.0.1", "10.0.0.200", "10.0.1.1", "192.168.0.9", "203.0.113.7", "fd00::1", "fd00:0:1::1"]
)
CIDRS = st.sampled_from(
    ["10.0.0.0/24", "10.0.0.0/8", "10.0.0.1/32", "fd00::/48", "::/0", "0.0.0.0/0", "203.0.113.0/24"]
)


def spec_of(**suppressions: Mapping[str, Any]) -> dict[str, Any]:
    return {"suppressions": {name: {**TOLD, **each} for name, each in suppressions.items()}}


def found(root: Path, now: datetime = END, **suppressions: Mapping[str, Any]) -> Findings:
    place = FindingsPlace.of(jobspecs_of(root, suppressions=spec_of(**suppressions)))
    return day_findings(place, TODAY, now).findings


def counts(findings: Findings) -> dict[str, int]:
    return {each.name: each.findings for each in findings.suppressed}


@given(
    st.lists(st.tuples(ADDRESSES, ADDRESSES, st.sampled_from([22, 443])), min_size=1, max_size=6),
    st.none() | CIDRS,
    st.none() | st.sampled_from(["lab", "10.0.0.0/24", "10.0.1.0/24", "fd00::/64"]),
    st.none() | CIDRS,
    st.none() | st.sampled_from([22, 443]),
)
def test_a_pair_fits_when_all_that_is_given_holds(
    pairs: list[tuple[str, str, int]], cidr: str | None, segment: str | None, destination: str | None, port: int | None
) -> None:
    if cidr is segment is destination is port is None:
        return
    suppression = Suppression(cidr=cidr, segment=segment, destination=destination, port=port, **TOLD)
    keys = sorted(set(pairs))
    rows = table(FG_C_PAIRS, [{"src_ip": src, "dst_ip": dst, "dst_port": at} for src, dst, at in keys])

    def lies_in(address: str, network: str | None) -> bool:
        return network is None or ip_address(address) in ip_network(network)

    def segment_of(address: str) -> str:
        if lies_in(address, "10.0.0.0/25"):
            return "lab"
        return str(ip_network((address, 64 if ":" in address else 24), strict=False))

    expected = [
        lies_in(src, cidr)
        and lies_in(dst, destination)
        and (segment is None or segment_of(src) == segment)
        and (port is None or at == port)
        for src, dst, at in keys
    ]
    assert matching(rows, suppression, NETWORKS).tolist() == expected


@given(
    st.lists(st.tuples(ADDRESSES, st.integers(1, 4 * 96)), min_size=2, max_size=8, unique=True),
    st.sampled_from([Owner("p", "v1"), Owner("p", "v2"), Owner("q", "v1")]),
)
def test_the_uid_is_that_of_owner_entity_and_day_and_of_nothing_else(
    windows: list[tuple[str, int]], owner: Owner
) -> None:
    days = [(address, day_of_window(END + number * SLICE)) for address, number in windows]
    uids = [finding_uid(owner, "host", (address,), day) for address, day in days]
    assert len(set(uids)) == len(set(days))
    assert uids == [finding_uid(owner, "host", (address,), day) for address, day in days]
    others = [finding_uid(owner, "pair", (address, PEER, 443), day) for address, day in days]
    assert not set(uids) & set(others)


def test_a_uid_does_not_change_between_releases() -> None:
    uid = finding_uid(Owner("ndr", "v1"), "pair", ("10.0.0.1", "203.0.113.7", 443), TODAY)
    assert uid == "0a6513cbf8968f727c7d2b5d7821cbfc15bcf8aa40ca8e33b55e8e35a40917d7"


def test_suppressed_findings_are_left_out_and_counted_by_the_first_that_fits(tmp_path: Path) -> None:
    rows = [host(HOST, 2, 20.0, p_value=None), host(HOST, 3, 21.0, p_value=None), host(OTHER, 2, 20.0, p_value=None)]
    publish(tmp_path, TODAY, rows, [pair(HOST, 443, 2, 0.9), pair(HOST, 22, 2, 0.9), pair(OTHER, 443, 2, 0.1)])
    told = found(
        tmp_path,
        a={"cidr": f"{HOST}/32", "port": 22},
        b={"cidr": "10.0.0.0/31"},
        c={"destination": "203.0.113.0/24", "port": 443},
        idle={"segment": "10.9.0.0/24"},
    )
    assert [each.host_ip for each in told.hosts] == [OTHER]
    assert told.pairs == ()
    assert counts(told) == {"a": 1, "b": 2, "c": 0, "idle": 0}
    assert (told.suppressed[0].owner, told.suppressed[0].reason) == ("it", "Known.")
    assert (told.hosts_scored, told.pairs_scored) == (2, 3)
    ranked = newest_findings(jobspecs_of(tmp_path, suppressions=spec_of(b={"cidr": "10.0.0.0/31"})), now=END)
    assert ([each.host_ip for each in ranked.hosts], [each.src_ip for each in ranked.pairs]) == ([OTHER], [OTHER])
    assert counts(ranked) == {"b": 3}


def test_an_expired_suppression_returns_its_findings(tmp_path: Path) -> None:
    publish(tmp_path, TODAY, [host(HOST, 2, 20.0, p_value=None)])
    backups = {"cidr": "10.0.0.0/24", "expires": "2026-02-03T06:00:00Z"}
    end = datetime.fromisoformat(backups["expires"])
    before, after = (found(tmp_path, now, backups=backups) for now in (end - timedelta(seconds=1), end))
    assert (len(before.hosts), counts(before), before.expired) == (0, {"backups": 1}, ())
    assert (len(after.hosts), counts(after), after.expired) == (1, {}, ("backups",))


def test_a_suppressed_metric_takes_its_reasons_out_of_the_score(tmp_path: Path) -> None:
    both = [reason("deny_cnt", 9.0), reason("bytes_sent_sum", 8.0), reason("silence", 3.0)]
    rows = [
        host(HOST, 2, 20.0, "Denied; sent; silent.", 1e-5, both),
        host(HOST, 3, 12.0, "Denied.", 5e-5, [reason("deny_cnt", 12.0)]),
        host(OTHER, 2, 9.0, "Denied.", 9e-5, [reason("deny_cnt", 9.0)]),
        host("10.0.0.3", 2, 10.0, "Denied; sent.", 8e-5, [reason("deny_cnt", 7.0), reason("bytes_sent_sum", 3.0)]),
        host("10.0.0.4", 2, 9.5, "Sent.", 9e-5, [reason("bytes_sent_sum", 9.5)]),
    ]
    publish(tmp_path, TODAY, rows)
    told = found(tmp_path, scanner={"metric": "deny_cnt", "cidr": "10.0.0.0/24"})
    left = {each.host_ip: each for each in told.hosts}
    assert set(left) == {HOST, "10.0.0.4"}
    assert (left[HOST].score, left[HOST].p_value, left[HOST].sentence) == (11.0, None, "Sent; silent.".lower())
    assert [each.metric for each in left[HOST].reasons] == ["bytes_sent_sum", "silence"]
    assert left[HOST].seen_at == (END - DAY + timedelta(hours=2),)
    assert left["10.0.0.4"].p_value == 9e-5
    assert counts(told) == {"scanner": 2}
    jobspecs = jobspecs_of(tmp_path, suppressions=spec_of(scanner={"metric": "deny_cnt", "cidr": "10.0.0.0/24"}))
    ranked = newest_findings(jobspecs, now=END)
    assert [(each.host_ip, each.score) for each in ranked.hosts] == [
        (HOST, 11.0),
        ("10.0.0.4", 9.5),
        ("10.0.0.3", 3.0),
    ]


@pytest.mark.parametrize(
    ("given_", "sentence"),
    [
        ({}, "spec.suppressions.bad: says of nothing what to suppress; give at least one of cidr, segment"),
        ({"cidr": "10.0.0.0"}, "spec.suppressions.bad.cidr: the prefix length is missing; write 10.0.0.0/32"),
        ({"cidr": "10.0.0.1/24"}, "spec.suppressions.bad.cidr: bits behind the prefix are set; write 10.0.0.0/24"),
        ({"port": 70000}, "spec.suppressions.bad.port: "),
        ({"metric": "denies"}, "spec.suppressions.bad.metric: 'denies' is not what a reason can be about; allowed are"),
        ({"metric": "deny_cnt", "port": 22}, "spec.suppressions.bad: fits nothing: metric is of hosts"),
        ({"port": 22, "expires": "soon"}, "spec.suppressions.bad.expires: time is 'soon', which is not an ISO 8601"),
        ({"port": 22, "expires": None}, "spec.suppressions.bad.expires: time is None, which is not text"),
        ({"port": 22, "owner": " "}, "spec.suppressions.bad.owner: "),
        ({"prot": 22}, "spec.suppressions.bad.prot: no such field, did you mean 'port'? Allowed are cidr, segment"),
    ],
)
def test_a_bad_suppression_is_refused_by_its_name(given_: dict[str, Any], sentence: str) -> None:
    with pytest.raises(JobSpecInvalidError) as told:
        parse_jobspec(document(spec_of(good={"port": 53}, bad=given_)))
    assert sentence in str(told.value)
    assert "good" not in str(told.value)


@pytest.mark.parametrize("missing", ["expires", "owner", "reason"])
def test_a_suppression_has_an_end_an_owner_and_a_reason(missing: str) -> None:
    bad = {name: value for name, value in {**TOLD, "port": 22}.items() if name != missing}
    with pytest.raises(JobSpecInvalidError, match=rf"spec\.suppressions\.bad\.{missing}: is missing"):
        parse_jobspec(document({"suppressions": {"bad": bad}}))


def document(spec: dict[str, Any]) -> dict[str, Any]:
    same = {"project_name": "p", "feature_spec_version": "v1", "updated_at": "2026-01-01T00:00:00Z", "owner": "t"}
    return {"job_name": "suppressions", "spec": spec, **same}


def test_an_unknown_segment_is_refused_by_the_name_of_its_suppression(tmp_path: Path) -> None:
    networks = {"segments": {"lab": ["10.3.0.0/16"]}}
    of = {"segment": "laboratory"}
    jobspecs = jobspecs_of(tmp_path, networks=networks, suppressions=spec_of(scans=of, fine={"segment": "lab"}))
    with pytest.raises(JobSpecInvalidError) as told:
        check_jobspecs(jobspecs.values())
    sentence = "suppressions.scans is of the segment 'laboratory', which is neither a CIDR nor one of the segments of"
    assert f"{sentence} networks (lab); correct it" in str(told.value)
    assert "suppressions.fine" not in str(told.value)


def test_the_spec_keeps_what_it_was_given() -> None:
    spec = SuppressionsSpec.model_validate(spec_of(a={"cidr": "10.0.0.0/8", "expires": "2026-06-01"}))
    assert SuppressionsSpec.model_validate(spec.model_dump(mode="json")) == spec
    assert spec.active(END) == spec.suppressions
