"""Pair counts of hosts that are machines: the key of the host in place of the address at one end of the pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.datasets import PAIR_COUNTS
from ndr.contract.networks import NetworkLists
from ndr.jobs.host_identity.host_keys import HostKeys
from ndr.store.schema import plain_schema

PairEnd = Literal["src_ip", "dst_ip"]


def keyed_pairs(keys: HostKeys, counts: pa.Table, at: PairEnd, networks: NetworkLists) -> pa.Table:
    """Return pair counts with the keys of the hosts at one end, without those of slices that have no host there."""
    hosts = keys.in_slices(counts[at], counts["slice_start"], networks)
    keyed = counts.set_column(counts.schema.get_field_index(at), at, hosts)
    return keyed.filter(pc.is_valid(hosts)) if hosts.null_count else keyed


def apart(keys: HostKeys, counts: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return pair counts with the keys of sources in two: without and with those of several addresses at a time."""
    has_several = pc.is_in(counts["src_ip"].cast(pa.string()), keys.with_several_addresses)
    several = counts.filter(has_several)
    return counts.filter(pc.invert(has_several)), several.cast(plain_schema(several.schema))


def one_row_a_slice(counts: Sequence[pa.Table]) -> pa.Table:
    """Return pair counts, text plain, added up where a pair has several rows in a slice."""
    together = pa.concat_tables(counts)
    sums = [name for name in together.column_names if name not in PAIR_COUNTS.key]
    added = together.group_by(list(PAIR_COUNTS.key), use_threads=False).aggregate([(name, "sum") for name in sums])
    columns = [added[f"{name}_sum" if name in sums else name] for name in together.column_names]
    return pa.table(columns, schema=together.schema)
