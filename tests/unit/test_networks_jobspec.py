"""The JobSpec `networks`: what it refuses, and the sentence that says what to write."""

from __future__ import annotations

from typing import Any

import pytest

from ndr.contract.errors import JobSpecInvalidError
from ndr.contract.jobspecs import parse_jobspec
from ndr.contract.jobspecs.networks import MOVED, Networks
from ndr.contract.networks import EXCLUDED, INTERNAL


def _jobspec(job_name: str, spec: dict[str, Any]) -> Any:
    facts = {"project_name": "p", "feature_spec_version": "v1", "updated_at": "2026-01-01T00:00:00Z", "owner": "o"}
    return parse_jobspec({"job_name": job_name, "spec": spec, **facts})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("10.0.0.1/8", "bits behind the prefix are set; write 10.0.0.0/8, or 10.0.0.1/32 for the one address"),
        ("2001:db8::1/64", "bits behind the prefix are set; write 2001:db8::/64, or 2001:db8::1/128 for the one"),
        ("::ffff:10.0.0.0/104", "it is an IPv4-mapped network, and such addresses are read as IPv4; write 10.0.0.0/8"),
        ("10.0.0.0", "the prefix length is missing; write 10.0.0.0/32 for the one address, or its network"),
        (
            "10.0.0.0/33",
            "the prefix length '33' is not a whole number from 0 to 32; write a network such as 10.0.0.0/8",
        ),
        ("10.0.0.0/255.0.0.0", "the prefix length '255.0.0.0' is not a whole number from 0 to 32"),
        ("fd00::/-1", "the prefix length '-1' is not a whole number from 0 to 128"),
        ("10.0.0/8", "'10.0.0' is not an IPv4 or IPv6 address; write a network such as 10.0.0.0/8 or fd00::/8"),
        ("010.0.0.0/8", "'010.0.0.0' is not an IPv4 or IPv6 address"),
        ("fe80::%eth0/10", "'fe80::%eth0' is not an IPv4 or IPv6 address"),
        ("site", "'site' is not an IPv4 or IPv6 address"),
    ],
)
def test_a_network_that_is_typed_wrong_says_what_to_type(text: str, sentence: str) -> None:
    with pytest.raises(JobSpecInvalidError) as caught:
        _jobspec("networks", {"internal": {"site": ["192.168.0.0/16", text]}})
    assert f"JobSpec networks: spec.internal.site.1: {sentence}" in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"internal": {}}, "spec.internal: Dictionary should have at least 1 item"),
        ({"internal": {"site": []}}, "internal names no network, so there would be no host; write one such as"),
        (
            {"segments": {"dmz": ["10.1.0.0/16"], "web": ["10.1.0.0/16"]}},
            "10.1.0.0/16 is given twice in segments (under dmz and web); give it once",
        ),
        (
            {"high_risk": {"vault": ["10.1.0.0/16", "10.1.0.0/16"]}},
            "10.1.0.0/16 is given twice in high_risk (under vault); give it once",
        ),
        (
            {"internal": {"site": ["10.0.0.0/8"], "old": ["169.254.7.0/24"]}},
            "internal.old has 169.254.7.0/24, which lies in 169.254.0.0/16 of excluded.link_local, so it would have no "
            'host; take it out of internal, or write "link_local": [] in excluded',
        ),
        ({"segments": {"10.0.0.0/8": ["10.0.0.0/8"]}}, "spec.segments.10.0.0.0/8.[key]: String should match pattern"),
    ],
)
def test_networks_that_contradict_each_other_are_named(spec: dict[str, Any], sentence: str) -> None:
    with pytest.raises(JobSpecInvalidError) as caught:
        _jobspec("networks", spec)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(("job", "field"), list(MOVED))
def test_a_field_that_moved_here_is_refused_with_the_new_place(job: str, field: str) -> None:
    spec = {"inputs": {}, "outputs": {}, field: ["10.0.0.0/8"]}
    with pytest.raises(JobSpecInvalidError) as caught:
        _jobspec(job, spec)
    assert f"spec.{field}: is in the JobSpec networks now, for all jobs; write " in str(caught.value)


def test_the_defaults_hold_where_nothing_is_given() -> None:
    spec: Networks = _jobspec("networks", {}).spec
    assert (spec.internal, spec.all_excluded, spec.high_risk, spec.segments) == (INTERNAL, EXCLUDED, {}, {})
    given: Networks = _jobspec("networks", {"excluded": {"multicast": [], "guests": ["10.66.0.0/16"]}}).spec
    assert given.all_excluded == {**EXCLUDED, "multicast": (), "guests": ("10.66.0.0/16",)}
    assert given.in_use["excluded"] == given.all_excluded


def test_a_network_is_kept_in_its_canonical_text() -> None:
    spec: Networks = _jobspec("networks", {"internal": {"lab": ["FD00:0::/8", " 10.0.0.0/8"]}}).spec
    assert spec.internal == {"lab": ("fd00::/8", "10.0.0.0/8")}
