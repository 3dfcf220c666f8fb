"""What hosts are, by the JobSpecs of a run."""

from __future__ import annotations

from functools import lru_cache, partial

from ndr.contract.errors import JobSpecNotFoundError
from ndr.contract.jobspecs import FG_B_BUILDER, MACHINE_INVENTORY_UNLOAD
from ndr.jobs.host_identity.machines import MachineLookup
from ndr.jobs.inventory.snapshot import newest_snapshot
from ndr.jobs.run import Run


def machine_lookup(run: Run) -> MachineLookup:
    """Return what hosts are: addresses where the project has no `fg_b_builder` JobSpec yet.

    Raises
    ------
    JobSpecNotFoundError, JobSpecInvalidError
    """
    try:
        spec = run.spec(FG_B_BUILDER)
    except JobSpecNotFoundError:
        return MachineLookup()
    if spec.host_identity == "address":
        return MachineLookup(spec)
    return MachineLookup(spec, lru_cache(partial(newest_snapshot, run.spec(MACHINE_INVENTORY_UNLOAD).output)))
