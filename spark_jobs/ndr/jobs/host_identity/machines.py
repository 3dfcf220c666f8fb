"""The machines of addresses over a time: what the inventory snapshots and the DHCP logs say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.jobspecs.fg_b_builder import FgBBuilderSpec
from ndr.contract.lineage import Answers
from ndr.contract.manifest import InputEntry, InputRange
from ndr.contract.time import Interval, microseconds, month_text
from ndr.jobs.host_identity.assignments import BEGINNING, OBSERVATIONS, AddressAssignments
from ndr.jobs.host_identity.dhcp_lineage import lease_answers, leases_read
from ndr.jobs.host_identity.dhcp_logs import read_dhcp_logs
from ndr.jobs.inventory.layout import month_interval
from ndr.jobs.inventory.snapshot import Snapshot, no_inventory

InventoryOf = Callable[[str], Snapshot]
"""Returns the newest inventory snapshot at or before a month, `YYYY-MM`."""


@dataclass(frozen=True)
class MachineLookup:
    """Looks up the machines of addresses, if hosts are machines by the `fg_b_builder` JobSpec.

    Without a JobSpec they are addresses.
    """

    spec: FgBBuilderSpec | None = None
    inventory_of: InventoryOf = no_inventory

    @property
    def of_machines(self) -> bool:
        """Whether hosts are machines."""
        return self.spec is not None and self.spec.host_identity == "machine"

    def over(self, span: Interval) -> Machines | None:
        """Return the machines of addresses over a time; None where hosts are addresses.

        Raises
        ------
        SchemaMismatchError
            A snapshot can't be read.
        """
        return Machines.over(self.spec, span, self.inventory_of) if self.spec else None


@dataclass(frozen=True)
class Machines:
    """Which machine had which address when.

    Attributes
    ----------
    assignments : AddressAssignments
        Its machines are names of the inventory without regard to case, or MAC addresses.
    names : dict of str to str
        The name of each machine as the inventory spells it.
    inputs : tuple of InputEntry
        What was read, for the manifest of what is built from it.
    leases : Answers or None
        The records of the DHCP logs, for lineage; None without logs.
    """

    assignments: AddressAssignments
    names: dict[str, str] = field(default_factory=dict)
    inputs: tuple[InputEntry, ...] = ()
    leases: Answers | None = None

    @classmethod
    def over(cls, spec: FgBBuilderSpec, span: Interval, inventory_of: InventoryOf) -> Machines | None:
        """Look them up for a time; None where the JobSpec keys hosts by their address.

        Raises
        ------
        SchemaMismatchError
            A snapshot can't be read.
        """
        if spec.host_identity == "address":
            return None
        snapshots = _snapshots(span, inventory_of)
        names = {name.lower(): name for name in sorted(_names(snapshots), reverse=True)}
        observations = [OBSERVATIONS.empty_table(), *_of_snapshots(snapshots)]
        inputs = [snapshot.source for snapshot in snapshots if snapshot.source]
        leases = None
        if spec.inputs.dhcp_logs:
            records = read_dhcp_logs(spec.inputs.dhcp_logs, span)
            leases = lease_answers(spec.inputs.dhcp_logs, records)
            observations.append(of_leases(records, names))
            inputs.append(InputEntry(uri=spec.inputs.dhcp_logs))
        return cls(AddressAssignments.of(pa.concat_tables(observations)), names, tuple(inputs), leases)

    def reads(self, span: Interval) -> tuple[InputRange, ...]:
        """Return a manifest's record of what told of the machines in a time."""
        return (leases_read(self.leases, span),) if self.leases else ()

    def name(self, machine: str) -> str:
        """Return how a machine is called."""
        return self.names.get(machine, machine)


def _snapshots(span: Interval, inventory_of: InventoryOf) -> list[Snapshot]:
    """Return the snapshots that are the newest one at some time of a span, in order."""
    found = {snapshot.month: snapshot for snapshot in map(inventory_of, _months(span)) if snapshot.month}
    return [found[month] for month in sorted(found)]


def _months(span: Interval) -> Iterator[str]:
    month = month_interval(month_text(span.start))
    while month.start <= span.end:
        yield month_text(month.start)
        month = month_interval(month_text(month.end))


def _names(snapshots: Sequence[Snapshot]) -> set[str]:
    return {name for snapshot in snapshots for name in snapshot.machines["machine_name"].to_pylist() if name}


def _of_snapshots(snapshots: Sequence[Snapshot]) -> Iterator[pa.Table]:
    """Yield the observations of snapshots: each holds from its month on, the first one from the beginning.

    An address that a snapshot no longer lists has no machine.
    """
    listed: set[str] = set()
    for number, snapshot in enumerate(snapshots):
        machines = {
            address: name.lower() if name else None
            for address, name in zip(*snapshot.machines.to_pydict().values(), strict=True)
        }
        gone = sorted(listed - machines.keys())
        listed = set(machines)
        since = microseconds(_start_of(snapshot)) if number else BEGINNING
        addresses = [*machines, *gone]
        yield _observations(addresses, [*machines.values(), *[None] * len(gone)], since)


def _start_of(snapshot: Snapshot) -> datetime:
    return month_interval(str(snapshot.month)).start


def _observations(addresses: list[str], machines: list[str | None], since: int) -> pa.Table:
    count = len(addresses)
    columns = [addresses, machines, [since] * count, [None] * count, [False] * count]
    return pa.table(columns, schema=OBSERVATIONS)


def of_leases(records: pa.Table, names: dict[str, str]) -> pa.Table:
    """Return the observations of DHCP records.

    A client is the machine that the inventory has under its host name; without one it is its MAC address, because many
    phones call themselves the same. Renewals without a host name have the last one that the MAC address told.
    """
    records = records.sort_by([("mac", "ascending"), ("observed_at", "ascending"), ("host_name", "ascending")])
    mac, told = records["mac"].combine_chunks(), records["host_name"].combine_chunks()
    numbers = np.arange(len(mac))
    codes = mac.dictionary_encode().indices.to_numpy()
    has_name = pc.fill_null(pc.not_equal(told, ""), False).to_numpy(zero_copy_only=False)
    last = np.maximum.accumulate(np.where(has_name, numbers, -1)) if len(numbers) else numbers
    is_own = (last >= 0) & (codes[np.maximum(last, 0)] == codes)
    name = pc.utf8_lower(told.take(pa.array(last, mask=~is_own)))
    is_listed = pc.is_in(name, pa.array([*names], pa.string()))
    is_release = pc.equal(records["observed_at"], records["until"]).combine_chunks()
    machine = pc.if_else(is_release, pa.scalar(None, pa.string()), pc.if_else(is_listed, name, mac))
    columns = [records["address"], machine, records["observed_at"], records["until"], pa.repeat(True, len(mac))]
    return pa.table(columns, schema=OBSERVATIONS)
