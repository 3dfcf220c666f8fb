"""Baselines of machines that lack a lease which a DHCP log has now: the log arrived after them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from pyarrow import fs

from ndr.contract.horizons import HORIZONS
from ndr.contract.jobspecs.fg_b_builder import FgBBuilderSpec
from ndr.contract.ledger import REBUILT
from ndr.contract.time import Interval
from ndr.jobs.fg_b.targets import Target
from ndr.jobs.host_identity.dhcp_lineage import Leases, lease_answers, leases_of
from ndr.jobs.host_identity.dhcp_logs import read_dhcp_logs
from ndr.store.catalog import readable_baseline
from ndr.store.partition import baseline_end_of
from ndr.store.storage import join, list_names

CHECKED: Final = REBUILT
"""How long before a REGULAR run's baseline others are checked, and the leases of so much time are read again."""


def baselines_of_other_leases(spec: FgBBuilderSpec, end: datetime) -> Iterator[Target]:
    """Yield the baselines that ended in CHECKED before an end and were built from other leases than there are now."""
    if spec.host_identity == "address" or not spec.inputs.dhcp_logs:
        return
    span = Interval(end - CHECKED, end)
    answers = lease_answers(spec.inputs.dhcp_logs, read_dhcp_logs(spec.inputs.dhcp_logs, span))
    leases = Leases(answers, leases_of(span))
    for horizon in HORIZONS:
        folders = list_names(join(spec.outputs.fg_b, f"horizon={horizon}"), kind=fs.FileType.Directory)
        ends = sorted(found for name in folders if (found := baseline_end_of(name)))
        for before in [each for each in ends if span.start <= each < end]:
            baseline = readable_baseline(spec.outputs.fg_b, horizon, before)
            if baseline and leases.makes_stale(baseline.manifest):
                yield Target(before, horizon)
