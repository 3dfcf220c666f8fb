"""FG-B in one process: the statistics, pairs and machines of many baselines, whose rows are read once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pyarrow as pa

from ndr.contract.datasets import (
    FG_B_IP_METADATA,
    FG_B_PAIR_HOST,
    FG_B_PAIR_SEGMENT,
    FG_B_PEER_HISTORY,
    FG_B_PROFILE,
    PAIR_COUNTS,
    fg_b_host,
    fg_b_segment,
)
from ndr.contract.networks import NetworkLists
from ndr.jobs.fg_b.baseline import Baseline, BaselineJob, PairRules, span_of
from ndr.jobs.fg_b.baseline_tables import BaselineTables
from ndr.jobs.fg_b.freed_memory import give_back
from ndr.jobs.fg_b.internal_hosts import of_internal_hosts
from ndr.jobs.fg_b.ip_metadata import HostActivity, ip_metadata
from ndr.jobs.fg_b.machine_hosts import MachineHosts
from ndr.jobs.fg_b.pair_rows import CondensedPairs, PairRows, condense_for
from ndr.jobs.fg_b.pairs import PairBaselines, destination_hosts, pair_baselines
from ndr.jobs.fg_b.peer_history import peer_history, with_history
from ndr.jobs.fg_b.profile import profiles_of_baselines
from ndr.jobs.fg_b.published import ChunkRows, profile_rules
from ndr.jobs.fg_b.row_columns import read_keys
from ndr.jobs.fg_b.row_source import ScanRows
from ndr.jobs.fg_b.specs import BaselineSpecs
from ndr.jobs.fg_b.statistics import tables_of_baselines
from ndr.jobs.host_identity.host_keys import HostKeys
from ndr.jobs.host_identity.pair_hosts import apart, keyed_pairs, one_row_a_slice
from ndr.jobs.monitored import of_pairs
from ndr.store.asked import read_schema
from ndr.store.publish import PartitionWriter, in_key_order
from ndr.store.scan import Scan

THREADS = 2


def write_baselines(
    specs: BaselineSpecs, jobs: Sequence[BaselineJob], chunk: ChunkRows, machines: MachineHosts | None = None
) -> Iterator[PartitionWriter]:
    """Write the tables of each baseline, in the order of the jobs, THREADS at a time.

    Parameters
    ----------
    chunk : ChunkRows
        What is published of the inputs, over all baselines.
    machines : MachineHosts, optional
        Where the hosts are machines.

    Yields
    ------
    PartitionWriter
        Of each job; not yet committed.
    """
    baselines = [job.baseline for job in jobs]
    with ScanRows(chunk.fg_a) as rows:
        with ThreadPoolExecutor(THREADS) as pool:
            keys = read_keys(rows, span_of(baselines), pool)
        rules, of_profiles = specs.statistics_rules, profile_rules(specs, chunk)
        statistics = tables_of_baselines(rows, baselines, rules, THREADS, found=keys)
        give_back()
        if machines:
            keys = machines.keyed(keys, specs.networks)
            rules = replace(rules, hosts_are_machines=True)
            of_profiles = replace(of_profiles, hosts_are_machines=True)
            of_hosts = tables_of_baselines(rows, baselines, rules, THREADS, found=keys)
            statistics = [replace(each, host=of.host) for each, of in zip(statistics, of_hosts, strict=True)]
            del of_hosts
            give_back()
        profiles = profiles_of_baselines(rows, baselines, of_profiles, THREADS, keys)
    activity = HostActivity.of_keys(of_internal_hosts(*keys, rules.networks_of_hosts)[0])
    del keys
    give_back()
    shared = SharedRows.of(specs, activity, chunk.pair_counts, baselines, machines)

    def write(job: BaselineJob, of_baseline: BaselineTables, profile: pa.Table) -> PartitionWriter:
        pairs = shared.pairs(job.baseline, specs.pair_rules)
        host, segment = fg_b_host(specs.fg_b.metrics), fg_b_segment(specs.fg_b.metrics)
        known = ip_metadata(shared.activity, job.baseline, job.machines, specs.non_persistent_prefixes)
        of_host, of_pair = of_baseline.host, pairs.host
        if machines:
            end = job.baseline.end
            of_host, known, profile = (machines.addressed(table, end) for table in (of_host, known, profile))
            known, profile = in_key_order(known, FG_B_IP_METADATA), in_key_order(profile, FG_B_PROFILE)
            of_pair = in_key_order(machines.addressed_pairs(of_pair, end, specs.networks), FG_B_PAIR_HOST)
        job.writer.write(in_key_order(of_host, host), host)
        job.writer.write(in_key_order(of_baseline.segment, segment), segment)
        job.writer.write(of_pair, FG_B_PAIR_HOST)
        job.writer.write(pairs.segment, FG_B_PAIR_SEGMENT)
        job.writer.write(known, FG_B_IP_METADATA)
        job.writer.write(profile, FG_B_PROFILE)
        if (history := shared.history(job.baseline, specs.networks)) is not None:
            job.writer.write(in_key_order(history, FG_B_PEER_HISTORY), FG_B_PEER_HISTORY)
        return job.writer

    give_back()
    with ThreadPoolExecutor(THREADS) as pool:
        # The statistics are the largest tables: each is released once it is written.
        yield from pool.map(write, jobs, (statistics.pop(0) for _ in jobs), profiles)


@dataclass(frozen=True)
class SharedRows:
    """The rows that all baselines of a chunk share: pair counts, and the activity of hosts.

    Where hosts are machines, `by_host` has the keys of the sources, and `by_destination` those of the destinations, for
    the baselines that have a history of peers.
    """

    activity: HostActivity
    by_host: PairRows
    by_segment: PairRows
    by_destination: PairRows | None = None

    @classmethod
    def of(
        cls,
        specs: BaselineSpecs,
        activity: HostActivity,
        pair_counts: Scan,
        baselines: Sequence[Baseline],
        machines: MachineHosts | None = None,
    ) -> SharedRows:
        condense, networks = condense_for(baselines), specs.networks
        pairs = (of_pairs(table, networks) for table in pair_counts.bundles(coded=True))
        if machines is None:
            by_host = PairRows.of(map(condense, pairs), baselines)
            return cls(activity, by_host, by_host.by_segment(networks))
        return cls._of_machines(activity, pairs, baselines, machines.keys, networks, pair_counts.columns)

    @classmethod
    def _of_machines(
        cls,
        activity: HostActivity,
        pairs: Iterable[pa.Table],
        baselines: Sequence[Baseline],
        keys: HostKeys,
        networks: NetworkLists,
        columns: Sequence[str],
    ) -> SharedRows:
        lasting = with_history(baselines)
        condense, condense_lasting = condense_for(baselines), condense_for(lasting)
        addresses, sources, destinations = list[CondensedPairs](), list[CondensedPairs](), list[CondensedPairs]()
        of_several = [read_schema(PAIR_COUNTS, columns).empty_table()]
        for table in pairs:
            addresses.append(condense(table))
            alone, several = apart(keys, keyed_pairs(keys, table, "src_ip", networks))
            sources.append(condense(alone))
            of_several.append(several)
            if lasting:
                destinations.append(condense_lasting(keyed_pairs(keys, table, "dst_ip", networks)))
        sources.append(condense(one_row_a_slice(of_several)))
        return cls(
            activity,
            PairRows.of(sources, baselines),
            PairRows.of(addresses, baselines).by_segment(networks),
            PairRows.of(destinations, lasting) if lasting else None,
        )

    def pairs(self, baseline: Baseline, rules: PairRules) -> PairBaselines:
        """Return the pair baselines of one baseline."""
        sums, segment_sums = (pairs.sums(baseline.interval) for pairs in (self.by_host, self.by_segment))
        regularity = self.by_host.regularity(baseline)
        prevalence = destination_hosts([sums], rules.networks)
        return pair_baselines(sums, regularity, segment_sums, prevalence, baseline, rules)

    def history(self, baseline: Baseline, networks: NetworkLists) -> pa.Table | None:
        """Return the history of peers of one baseline; None where it has none."""
        if self.by_destination is None or not with_history([baseline]):
            return None
        return peer_history(self.by_host, self.by_destination, baseline, networks)
