from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from ndr.contract.datasets import FG_A_METRICS, PORT_CLASSES
from ndr.contract.errors import JobSpecInvalidError, JobSpecNotFoundError
from ndr.contract.jobspecs import (
    JOB_NAMES,
    JOBS,
    check_jobspecs,
    parse_jobspec,
    put_jobspec,
    read_jobspec,
    read_jobspecs,
)
from ndr.contract.jobspecs.check import read_prefixes
from ndr.contract.jobspecs.port_classes import PortClasses

BASE = "s3://ndr-data/prod/v1"
UNLOAD = {
    "redshift": {
        "cluster_identifier": "redshift-cluster-1",
        "database": "ndr",
        "secret_arn": "arn:aws:secretsmanager:...",
        "region": "us-east-1",
        "iam_role": "arn:aws:iam::123456789012:role/RedshiftUnloadRole",
    },
    "query": {
        "schema": "public",
        "table": "dim_machine",
        "ip_column": "ip_address",
        "name_column": "machine_name",
        "active_filter": "is_active = true",
        "additional_filters": ["environment = 'prod'"],
    },
    "output": {
        "s3_prefix": "s3://ndr-data/machine_inventory/",
        "output_format": "PARQUET",
        "partitioning": ["snapshot_month"],
        "ip_output_column": "ip_address",
        "name_output_column": "machine_name",
    },
    "processing_image_uri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/ndr-pyspark:latest",
}
SPECS: dict[str, Any] = {
    "delta_builder": {"inputs": {"integration": f"{BASE}/integration"}, "outputs": {"deltas": f"{BASE}/deltas"}},
    "fg_a_builder": {
        "inputs": {"deltas": f"{BASE}/deltas/", "fg_b": f"{BASE}/fg_b/"},
        "outputs": {"fg_a": f"{BASE}/fg_a/"},
    },
    "pair_counts_builder": {
        "inputs": {"deltas": f"{BASE}/deltas/"},
        "outputs": {"pair_counts": f"{BASE}/pair_counts/"},
    },
    "fg_b_builder": {
        "inputs": {
            "fg_a": f"{BASE}/fg_a/",
            "pair_counts": f"{BASE}/pair_counts/",
            "machine_inventory": "s3://ndr-data/machine_inventory/",
        },
        "outputs": {"fg_b": f"{BASE}/fg_b/"},
        "capping": {"threshold": 6.5},
    },
    "fg_c_builder": {
        "inputs": {name: f"{BASE}/{name}/" for name in ("fg_a", "pair_counts", "fg_b")},
        "outputs": {"fg_c": f"{BASE}/fg_c/"},
    },
    "machine_inventory_unload": UNLOAD,
    "non_persistent_prefixes": {"prefixes": ["VDI-", "NP-"]},
    "networks": {"internal": {"sites": ["10.0.0.0/8"]}, "high_risk": {"vault": ["10.9.0.0/24"]}},
    "suppressions": {
        "suppressions": {
            "backups": {"cidr": "10.4.0.0/24", "expires": "2026-06-01", "owner": "it", "reason": "Full backups."}
        }
    },
}


def item(job_name: str, **changes: Any) -> dict[str, Any]:
    document = {
        "project_name": "ndr-prod",
        "job_name": job_name,
        "feature_spec_version": "v1",
        "spec": json.loads(json.dumps(SPECS[job_name])),
        "updated_at": "2025-01-01T00:00:00Z",
        "owner": "ndr-team",
    }
    return document | changes


class MemoryTable:
    """DynamoDB's get and put over a dictionary, refusing floats as boto3 does."""

    name = "ndr-jobspecs"

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], dict[str, Any]] = {}

    def put_item(self, **kwargs: Any) -> None:
        item = kwargs["Item"]
        assert "float" not in json.dumps(item, default=lambda number: type(number).__name__)
        self.items[item["project_name"], item["job_name_version"]] = item

    def get_item(self, **kwargs: Any) -> dict[str, Any]:
        key = kwargs["Key"]
        found = self.items.get((key["project_name"], key["job_name_version"]))
        return {"Item": found} if found else {}


def test_the_whole_set_fits_together() -> None:
    by_name = check_jobspecs(parse_jobspec(item(name)) for name in SPECS)
    assert set(by_name) == set(SPECS)
    assert by_name["delta_builder"].spec.outputs.deltas == "s3://ndr-data/prod/v1/deltas/"
    assert by_name["fg_b_builder"].spec.metrics == tuple(column.name for column in FG_A_METRICS)


def test_dhcp_logs_may_lie_beside_the_conn_logs_and_are_read_where_they_are_given() -> None:
    spec = SPECS["fg_b_builder"]
    inputs = spec["inputs"] | {"dhcp_logs": f"{BASE}/integration/"}
    with_logs = check_jobspecs(
        _set_with("fg_b_builder", {"spec": spec | {"inputs": inputs, "host_identity": "machine"}})
    )
    assert read_prefixes(with_logs["fg_b_builder"])["dhcp_logs"] == f"{BASE}/integration/"
    without = check_jobspecs(parse_jobspec(item(name)) for name in SPECS)
    assert "dhcp_logs" not in read_prefixes(without["fg_b_builder"])


@pytest.mark.parametrize("optional", ["non_persistent_prefixes", "networks"])
def test_the_set_is_complete_without_an_optional_jobspec(optional: str) -> None:
    assert optional not in check_jobspecs(parse_jobspec(item(name)) for name in SPECS if name != optional)


def _set_with(job_name: str, change: dict[str, Any]) -> list[Any]:
    return [parse_jobspec(item(name) | (change if name == job_name else {})) for name in SPECS]


@pytest.mark.parametrize(
    ("job_name", "change", "finding"),
    [
        ("fg_a_builder", {"project_name": "other"}, "project_name differs: 'ndr-prod' in .*'other' in fg_a_builder"),
        ("delta_builder", {"feature_spec_version": "v2"}, "feature_spec_version differs"),
        (
            "pair_counts_builder",
            {"spec": SPECS["pair_counts_builder"] | {"inputs": {"deltas": f"{BASE}/delta/"}}},
            "pair_counts_builder reads deltas from .*/delta/, but delta_builder writes it to .*/deltas/",
        ),
        (
            "fg_a_builder",
            {"spec": SPECS["fg_a_builder"] | {"outputs": {"fg_a": f"{BASE}/deltas/fg_a/"}}},
            "fg_a at .* lies inside deltas",
        ),
        ("fg_a_builder", {"spec": SPECS["fg_a_builder"] | {"windows": ["1h"]}}, "windows lack 15m"),
        (
            "fg_b_builder",
            {"spec": SPECS["fg_b_builder"] | {"outputs": {"fg_b": "s3://ndr-data/v10/fg_b/"}}},
            "fg_b_builder writes fg_b to s3://ndr-data/v10/fg_b/, which has no folder v1: .* such as "
            "s3://ndr-data/v10/v1/fg_b/",
        ),
    ],
)
def test_a_set_that_does_not_fit_says_where(job_name: str, change: dict[str, Any], finding: str) -> None:
    with pytest.raises(JobSpecInvalidError, match=finding):
        check_jobspecs(_set_with(job_name, change))


def test_a_missing_job_is_named() -> None:
    with pytest.raises(JobSpecInvalidError, match="fg_b_builder is missing; put its JobSpec"):
        check_jobspecs(parse_jobspec(item(name)) for name in SPECS if name != "fg_b_builder")


def test_a_job_given_twice_is_named() -> None:
    with pytest.raises(JobSpecInvalidError, match="delta_builder is given 2 times"):
        check_jobspecs([parse_jobspec(item(name)) for name in [*SPECS, "delta_builder"]])


@pytest.mark.parametrize(
    ("job_name", "path", "value", "finding"),
    [
        ("machine_inventory_unload", ("redshift", "cluster_identifer"), "x", "did you mean 'cluster_identifier'"),
        (
            "machine_inventory_unload",
            ("redshift", "workgroup_name"),
            "w",
            "either cluster_identifier or workgroup_name",
        ),
        ("machine_inventory_unload", ("redshift", "iam_role"), "admin", "spec.redshift.iam_role"),
        ("machine_inventory_unload", ("output", "output_format"), "CSV", "spec.output.output_format.*found 'CSV'"),
        ("delta_builder", ("outputs", "deltas"), "/data/deltas", "write s3://bucket/path/ or file:///path/"),
        ("delta_builder", ("outputs", "deltas"), "s3://ndr-data/../x", r"climbs with '\.\.'"),
        ("delta_builder", ("outputs", "deltas"), "s3://ndr-data/v1#2/x", "holds '#', a fragment; write a plain prefix"),
        ("delta_builder", ("outputs", "deltas"), "s3://ndr-data/v1?2/x", r"holds '\?', a query; write a plain prefix"),
        ("delta_builder", ("outputs", "deltas"), "file:///v1%202/x", "holds '%', a percent escape; write a plain"),
        ("delta_builder", ("port_classes",), {"admin": [70000]}, "spec.port_classes.admin.0: it is not a port; write"),
        ("delta_builder", ("port_classes",), {"db": ["tcp/53", "ipx/53"]}, r"classes.db.1: .* \(found 'ipx/53'\)"),
        ("delta_builder", ("port_classes",), {"db": [True]}, "spec.port_classes.db.0: it is not a port"),
        ("delta_builder", ("field_mapping",), {"src": "a"}, "spec.field_mapping.src"),
        ("fg_a_builder", ("calendar",), {"time_zone": "Mars/Base"}, "not an IANA time zone"),
        ("fg_a_builder", ("business_hours",), {}, "spec.business_hours is now spec.calendar: write time_zone"),
        ("fg_a_builder", ("windows",), ["2h"], "spec.windows.0"),
        ("fg_b_builder", ("metrics",), ["sessions"], "'sessions' is not an FG-A metric; allowed are sessions_cnt"),
        ("fg_b_builder", ("metrics",), ["deny_cnt", "deny_cnt"], "deny_cnt named twice"),
        ("fg_b_builder", ("metrics",), ["deny_cnt"], "key_metrics names sessions_cnt, .*which metrics does not"),
        ("fg_b_builder", ("cadence",), {"7d": "hourly"}, "spec.cadence.7d"),
        ("fg_b_builder", ("host_identity",), "mac", "spec.host_identity: .*'address' or 'machine' .found 'mac'"),
        ("fg_b_builder", ("inputs", "dhcp_logs"), "s3://zeek/logs/", "host_identity is 'address'; write 'machine'"),
        ("non_persistent_prefixes", ("prefixes",), [""], "spec.prefixes.0"),
        ("networks", ("ipv4_segment_prefix_length",), 40, r"spec.ipv4_segment_prefix_length: .*to 32 \(found 40\)"),
        ("networks", ("internl",), {}, "no such field, did you mean 'internal'"),
    ],
)
def test_each_bad_field_is_named_with_what_is_allowed(
    job_name: str, path: tuple[str, ...], value: Any, finding: str
) -> None:
    document = item(job_name)
    place = document["spec"]
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    with pytest.raises(JobSpecInvalidError, match=finding) as caught:
        parse_jobspec(document)
    assert str(caught.value).startswith(f"JobSpec {job_name}: spec")


def test_every_problem_is_told_at_once() -> None:
    document = item("machine_inventory_unload", owner=3)
    with pytest.raises(JobSpecInvalidError, match="owner: .*found 3"):
        parse_jobspec(document)
    document = item("machine_inventory_unload")
    del document["spec"]["query"]["schema"]
    document["spec"]["output"]["s3_prefix"] = "s3:/x"
    with pytest.raises(JobSpecInvalidError) as caught:
        parse_jobspec(document)
    assert "spec.query.schema: is missing" in str(caught.value)
    assert "spec.output.s3_prefix" in str(caught.value)


def test_a_jobspec_survives_the_table() -> None:
    table = MemoryTable()
    for name in SPECS:
        put_jobspec(table, parse_jobspec(item(name)))
    back = read_jobspec(table, "ndr-prod", "fg_b_builder", "v1")
    assert back == parse_jobspec(item("fg_b_builder"))
    assert back.spec.capping.threshold == 6.5
    stored = table.items["ndr-prod", "fg_b_builder#v1"]["spec"]
    assert stored["capping"] == {"threshold": Decimal("6.5")}, "defaults are not frozen into the table"
    assert len(read_jobspecs(table, "ndr-prod", "v1")) == len(SPECS)


def test_a_jobspec_that_is_not_there_is_named() -> None:
    with pytest.raises(JobSpecNotFoundError, match="no JobSpec fg_a_builder for project 'x', version 'v9'"):
        read_jobspec(MemoryTable(), "x", "fg_a_builder", "v9")


def test_a_key_that_contradicts_its_fields_is_refused() -> None:
    with pytest.raises(JobSpecInvalidError, match="job_name_version is 'delta_builder#v2'"):
        parse_jobspec(item("delta_builder", job_name_version="delta_builder#v2"))


def test_ports_are_kept_in_their_canonical_text() -> None:
    classes = PortClasses.model_validate({"admin": [22, "0023", "TCP/3389", Decimal(5985)]})
    assert classes.admin == ("22", "23", "tcp/3389", "5985")


def test_every_port_class_has_a_column() -> None:
    assert tuple(PortClasses.model_fields) == PORT_CLASSES


def test_an_unknown_job_is_told_which_there_are() -> None:
    with pytest.raises(JobSpecInvalidError, match="'delta_bilder' is not a job; allowed are delta_builder, "):
        parse_jobspec(item("delta_builder") | {"job_name": "delta_bilder"})


def test_each_job_knows_its_spec() -> None:
    specs = check_jobspecs(parse_jobspec(item(name)) for name in SPECS)
    assert tuple(SPECS) == JOB_NAMES
    for job in JOBS:
        assert type(specs[job].spec) is job.spec_model


def test_scores_need_windows_of_fg_a_and_metrics_with_a_baseline() -> None:
    specs = {name: parse_jobspec(item(name)) for name in SPECS}
    changed = {
        "fg_a_builder": {"windows": ["15m", "8h"]},
        "fg_b_builder": {"metrics": ["sessions_cnt", "bytes_sent_sum", "bytes_recv_sum", "peer_ip_nunique"]},
        "fg_c_builder": {"windows": ["24h"], "metrics": ["sessions_cnt", "deny_cnt"]},
    }
    given = [parse_jobspec(item(name) | {"spec": SPECS[name] | changed.get(name, {})}) for name in SPECS]
    with pytest.raises(JobSpecInvalidError) as told:
        check_jobspecs(given)
    assert "fg_c_builder needs windows 24h, 1h, which fg_a_builder's windows lack; add them there" in str(told.value)
    assert "fg_c_builder needs baselines of deny_cnt, which fg_b_builder's metrics lack" in str(told.value)
    check_jobspecs(each for name, each in specs.items() if name != "fg_c_builder")  # a project without scores


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"metrics": ["sesions_cnt"]}, "'sesions_cnt' is not an FG-A metric"),
        ({"windows": ["1h", "1h"]}, "1h named twice"),
        ({"expected_active_ratio": 1.5}, "spec.expected_active_ratio: .* less than or equal to 1"),
        ({"minimum_scale": {"counts": 0}}, "spec.minimum_scale.counts: .* greater than 0"),
        ({"weights": {"hosts": 1}}, "spec.weights.hosts: no such field, did you mean 'host'"),
    ],
)
def test_a_mistake_in_the_jobspec_of_scores_is_named(change: dict[str, Any], finding: str) -> None:
    with pytest.raises(JobSpecInvalidError, match=finding):
        parse_jobspec(item("fg_c_builder") | {"spec": SPECS["fg_c_builder"] | change})
