from __future__ import annotations

import itertools

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from ndr.jobs.fg_a.host_parts import host_parts

rows = st.lists(st.tuples(st.sampled_from([f"10.0.0.{n}" for n in range(12)]), st.integers(0, 9)), max_size=60)


@given(rows, rows, st.integers(1, 20))
def test_parts_hold_whole_hosts_in_order(
    deltas: list[tuple[str, int]], peers: list[tuple[str, int]], most_rows: int
) -> None:
    hosts = {host for host, _ in deltas}
    peers = [row for row in peers if row[0] in hosts]  # a host with peers has deltas
    of_deltas, of_peers = (
        pa.table({"host_ip": pa.array([h for h, _ in t], pa.string()), "v": [v for _, v in t]}) for t in (deltas, peers)
    )

    parts = list(host_parts(of_deltas, of_peers, most_rows))

    for side, given_rows in ((0, deltas), (1, peers)):
        found = [(row["host_ip"], row["v"]) for part in parts for row in part[side].to_pylist()]
        assert sorted(found) == sorted(given_rows)
    of_part = [set(part[0]["host_ip"].to_pylist()) for part in parts]
    assert all(max(before) < min(after) for before, after in itertools.pairwise(of_part))
    assert all(len(hosts) == 1 or part[0].num_rows <= 2 * most_rows for hosts, part in zip(of_part, parts, strict=True))
