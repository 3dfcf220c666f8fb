"""The peers of hosts that are machines, over the longest horizon: where FG-A begins to look for new ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from ndr.contract.datasets import FG_B_PEER_HISTORY, INBOUND, OUTBOUND
from ndr.contract.horizons import HORIZONS
from ndr.contract.networks import NetworkLists
from ndr.jobs.fg_b.baseline import Baseline
from ndr.jobs.fg_b.pair_rows import PairRows
from ndr.jobs.host_identity.host_keys import are_internal
from ndr.store.schema import arrow_schema

_LONGEST: Final = max(HORIZONS, key=lambda label: HORIZONS[label])
_ENDS: Final = {OUTBOUND: ("src_ip", "dst_ip"), INBOUND: ("dst_ip", "src_ip")}


def with_history(baselines: Sequence[Baseline]) -> list[Baseline]:
    """Return the baselines that have the table."""
    return [each for each in baselines if each.label == _LONGEST]


def peer_history(sources: PairRows, destinations: PairRows, baseline: Baseline, networks: NetworkLists) -> pa.Table:
    """Return the rows of FG_B_PEER_HISTORY, in no promised order.

    Parameters
    ----------
    sources, destinations : PairRows
        Of pair counts with the keys of hosts as sources, and of the same with the keys of hosts as destinations.
    """
    schema = arrow_schema(FG_B_PEER_HISTORY)
    tables = [schema.empty_table()]
    for role, rows in ((OUTBOUND, sources), (INBOUND, destinations)):
        host, peer = _ENDS[role]
        sums = rows.sums(baseline.interval)
        hosts = sums[host].combine_chunks()
        internal = pa.array(are_internal(hosts.dictionary, networks)).take(hosts.indices)
        sums = sums.filter(internal)
        columns = {
            "host": sums[host],
            "role": pa.repeat(role, len(sums)),
            "peer_ip": sums[peer],
            "peer_port": sums["dst_port"],
            "baseline_horizon": pa.repeat(baseline.label, len(sums)),
            "baseline_end": pa.repeat(pa.scalar(baseline.end, schema.field("baseline_end").type), len(sums)),
            "active_days_mask": sums["active_days_mask"],
        }
        tables.append(pa.table([columns[name] for name in schema.names], schema.names).cast(schema))
    return pa.concat_tables(tables)
