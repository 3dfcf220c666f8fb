"""The synthetic network: reproducible, with realistic traffic and the attacks that the ground truth names."""

import csv
import gzip
import hashlib
import ipaddress
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import fs
from tests.unit.logs import spec_of

from ndr.contract.errors import InvalidRequestError
from ndr.contract.time import parse_instant
from ndr.jobs.deltas.read import read_integration
from ndr.local.traffic import GeneratedTraffic, generate
from ndr.local.traffic.__main__ import main
from ndr.local.traffic.calendar import WORKING_HOURS, Calendar, bursts, occasions
from ndr.local.traffic.flows import flows_of as flows_of_connections
from ndr.local.traffic.generate import simulate
from ndr.sources.integration.columns import INTEGRATION_SCHEMA

END = datetime(2026, 2, 1, tzinfo=UTC)


def flows_of(traffic: GeneratedTraffic) -> pa.Table:
    return pa.concat_tables([flows_of_log(log) for log in traffic.logs])


def flows_of_log(log: Path) -> pa.Table:
    table = read_integration(fs.LocalFileSystem(), [str(log)], spec_of("zeek"))
    assert table["problem"].null_count == table.num_rows
    return table.select(INTEGRATION_SCHEMA.names).cast(INTEGRATION_SCHEMA)


@pytest.fixture(scope="module")
def traffic(tmp_path_factory) -> GeneratedTraffic:
    return generate(tmp_path_factory.mktemp("network"), days=10, hosts=8)


@pytest.fixture(scope="module")
def flows(traffic) -> pa.Table:
    return flows_of(traffic)


@pytest.fixture(scope="module")
def ground_truth(traffic) -> dict[str, dict]:
    return {attack["kind"]: attack for attack in json.loads(traffic.ground_truth.read_text())["attacks"]}


def of(flows: pa.Table, **values: object) -> pa.Table:
    for name, value in values.items():
        flows = flows.filter(pc.equal(flows[name], value))
    return flows


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_the_same_seed_is_the_same_bytes_and_another_is_not(tmp_path):
    folders = [tmp_path / name for name in ("one", "two", "other")]
    for folder, seed in zip(folders, (3, 3, 4), strict=True):
        generate(folder, days=2, hosts=4, seed=seed)
    one, two, other = map(digests, folders)
    assert sorted(one) == ["conn.2026-01-30.log.gz", "conn.2026-01-31.log.gz", "ground_truth.json", "inventory.csv"]
    assert one == two
    assert one["conn.2026-01-31.log.gz"] != other["conn.2026-01-31.log.gz"]


def test_every_connection_is_logged_on_the_day_it_ends(traffic, flows):
    assert flows.num_rows == traffic.connections
    assert pc.min(flows["event_start"]).as_py() >= END - timedelta(days=10)
    assert pc.max(flows["event_end"]).as_py() < END
    for number, log in enumerate(traffic.logs):
        day = END - timedelta(days=10 - number)
        ends = flows_of_log(log)["event_end"]
        assert log.name == f"conn.{day:%Y-%m-%d}.log.gz"
        assert day <= pc.min(ends).as_py() <= pc.max(ends).as_py() < day + timedelta(days=1)
        assert pc.all(pc.less_equal(ends[:-1], ends[1:])).as_py()


def test_uids_are_unique(traffic):
    uids = [
        line.split("\t")[1]
        for log in traffic.logs
        for line in gzip.decompress(log.read_bytes()).decode().splitlines()
        if not line.startswith("#")
    ]
    assert len(set(uids)) == len(uids) == traffic.connections
    assert {len(uid) for uid in uids} == {18}


def test_the_beacon_is_regular_small_and_new(flows, ground_truth):
    beacon = ground_truth["beacon"]
    calls = of(flows, source_ip=beacon["host_ip"], destination_ip=beacon["peer_ip"]).sort_by("event_start")
    assert calls.num_rows == beacon["connections"] == of(flows, destination_ip=beacon["peer_ip"]).num_rows
    assert set(calls["destination_port"].to_pylist()) == {443}
    starts = calls["event_start"].cast(pa.int64()).to_numpy()
    assert parse_instant(beacon["first"]) == calls["event_start"][0].as_py() >= END - timedelta(hours=36)
    assert parse_instant(beacon["last"]) == calls["event_start"][-1].as_py() >= END - timedelta(minutes=10)
    intervals = np.diff(starts) / 1e6
    assert abs(intervals.mean() - 300) < 3
    assert 8 < intervals.std() < 16
    assert abs(len(starts) - 36 * 12) <= 6
    assert calls["source_bytes"].to_numpy().max() < 2_000


def test_the_exfiltration_is_large_in_the_last_night_and_to_a_peer_of_its_own(flows, ground_truth):
    exfiltration = ground_truth["exfiltration"]
    uploads = of(flows, destination_ip=exfiltration["peer_ip"])
    assert set(uploads["source_ip"].to_pylist()) == {exfiltration["host_ip"]} != {ground_truth["beacon"]["host_ip"]}
    assert uploads.num_rows == exfiltration["connections"] == 18
    assert pc.min(uploads["event_start"]).as_py() >= END - timedelta(days=1)
    assert pc.max(uploads["event_end"]).as_py() < END - timedelta(hours=18)
    sent = pc.sum(uploads["source_bytes"]).as_py()
    assert exfiltration["payload_bytes_sent"] < sent < 1.1 * exfiltration["payload_bytes_sent"]
    usual = of(flows, source_ip=exfiltration["host_ip"])
    other_days = usual.filter(
        pc.less(usual["event_start"], pa.scalar(END - timedelta(days=1), pa.timestamp("us", "UTC")))
    )
    assert sent > 1e9 > 2 * pc.sum(other_days["source_bytes"]).as_py() / 9


def test_workdays_are_busier_than_weekends_and_days_than_nights(flows):
    seats = flows.filter(pc.match_substring_regex(flows["source_ip"], r"^10\.20\.1\."))
    weekday = pc.day_of_week(seats["event_start"]).to_numpy()
    per_day = np.bincount(weekday, minlength=7) / np.array([1, 1, 1, 2, 2, 2, 1])  # 22 January was a Thursday
    assert per_day[:5].min() > 2.5 * per_day[5:].max()
    working = weekday < 5
    by_hour = np.bincount(pc.hour(seats["event_start"]).to_numpy()[working], minlength=24)
    assert by_hour[9:17].sum() > 0.6 * by_hour.sum()
    assert by_hour[0:5].sum() > 0


def test_bytes_are_heavy_tailed_and_attempts_fail(flows):
    web = of(flows, destination_port=443, event_action="allow")["destination_bytes"].to_numpy()
    assert np.quantile(web, 0.99) > 20 * np.median(web)
    inbound = of(flows, destination_ip="198.51.100.10")
    actions = {item["values"]: item["counts"] for item in pc.value_counts(inbound["event_action"]).to_pylist()}
    assert actions["deny"] > 500
    assert actions["drop"] > 500
    assert actions["allow"] > 500
    assert len(pc.unique(inbound["source_ip"])) > 300
    assert set(pc.unique(flows["network_transport"]).to_pylist()) == {"tcp", "udp", "icmp"}


def test_all_addresses_are_reserved_ones(flows):
    reserved = [ipaddress.ip_network(net) for net in (
        "10.0.0.0/8", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32",
    )]  # fmt: skip
    addresses = {*pc.unique(flows["source_ip"]).to_pylist(), *pc.unique(flows["destination_ip"]).to_pylist()}
    assert any(":" in address for address in addresses)
    for address in map(ipaddress.ip_address, addresses):
        assert any(address in network for network in reserved if network.version == address.version)


def test_the_inventory_names_each_address_once_and_every_local_machine(traffic, flows):
    rows = list(csv.DictReader(traffic.inventory.open()))
    assert list(rows[0]) == ["ip_address", "machine_name", "is_active", "environment", "first_seen", "last_seen"]
    names = {row["ip_address"]: row["machine_name"] for row in rows}
    assert len(names) == len(rows)
    local = {ip for ip in pc.unique(flows["source_ip"]).to_pylist() if ip.startswith(("10.20.", "2001:db8:20:"))}
    assert local <= names.keys()
    assert {row["environment"] for row in rows} == {"prod", "test"}
    retired = [row for row in rows if row["is_active"] == "false"]
    assert [row["machine_name"] for row in retired] == ["SRV-files00"]
    assert all(row["first_seen"] <= row["last_seen"] for row in rows)
    desktops = [ip for ip in local if names[ip].startswith("VDI-")]
    assert len(desktops) > 2  # two desktops, more addresses: they change daily


def test_flows_are_what_the_conn_logs_are_read_as(flows):
    simulated = simulate(days=10, hosts=8)
    key = [(name, "ascending") for name in INTEGRATION_SCHEMA.names]
    assert flows_of_connections(simulated.connections, simulated.network).sort_by(key).equals(flows.sort_by(key))


def test_the_newest_workstation_is_silent_before_it_joined(traffic, flows):
    (newest,) = [row for row in csv.DictReader(traffic.inventory.open())
                 if row["machine_name"] == "WS-008" and "." in row["ip_address"]]  # fmt: skip
    first = pc.min(of(flows, source_ip=newest["ip_address"])["event_start"]).as_py()
    assert newest["first_seen"] == "2026-01-24"
    assert first >= datetime(2026, 1, 24, tzinfo=UTC)


def test_occasions_follow_their_rates():
    rng, calendar = np.random.default_rng(1), Calendar.ending(END, 4)
    rates = np.array([[1000.0, 0], [0, 0], [0, 3000], [10, 10]])
    when = occasions(rng, calendar, rates, WORKING_HOURS)
    counts = np.zeros_like(rates)
    np.add.at(counts, (when.day, when.who), 1)
    assert np.all(np.abs(counts - rates) <= 5 * np.sqrt(rates))
    offset = when.at - calendar.midnights[when.day]
    assert offset.min() >= 0
    assert offset.max() < 86_400 * 10**6
    several = bursts(rng, when, mean=2.5, spread_seconds=10)
    assert abs(len(several.at) / len(when.at) - 2.5) < 0.2
    assert set(when.at.tolist()) <= set(several.at.tolist())


def test_the_command_writes_and_says_what_it_wrote(tmp_path, capsys):
    out = tmp_path / "traffic"
    assert main(["--days", "1", "--hosts", "4", "--out", str(out), "--end", "2026-03-03"]) == 0
    assert {path.name for path in out.iterdir()} == {"conn.2026-03-02.log.gz", "inventory.csv", "ground_truth.json"}
    assert "in 1 log, [2026-03-02T00:00:00Z, 2026-03-03T00:00:00Z)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"days": 0}, "days is 0: traffic takes at least one day"),
        ({"hosts": 3}, "hosts is 3: the network has 4 to 1000"),
        ({"seed": -1}, "seed is -1"),
        ({"attacks": "some"}, "attacks is 'some'; write two, all, none"),
        ({"attacks": "all", "days": 11}, "attacks is all, with 11 days and 45 workstations"),
        ({"end": END + timedelta(minutes=15)}, "end is 2026-02-01T00:15:00Z: traffic ends at midnight UTC"),
    ],
)
def test_an_invalid_request_is_refused_with_a_sentence(tmp_path, options, message):
    with pytest.raises(InvalidRequestError, match=message):
        generate(tmp_path / "never", **options)
    assert not (tmp_path / "never").exists()
