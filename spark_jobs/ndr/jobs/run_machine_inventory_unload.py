"""Entry point of MachineInventoryUnloadStep: one month's machines from Redshift to S3."""

from __future__ import annotations

import os

from ndr.contract.datasets import MACHINE_INVENTORY
from ndr.contract.jobspecs import MACHINE_INVENTORY_UNLOAD
from ndr.jobs.entry import REPLACE_WITH_EMPTY, Arguments, main, replace_with_empty
from ndr.jobs.inventory.layout import month_interval
from ndr.jobs.inventory.month import snapshot_month
from ndr.jobs.inventory.redshift_data import Statements, redshift_data_client
from ndr.jobs.inventory.unload import Unload
from ndr.jobs.leases import leased
from ndr.jobs.metrics import count_partition
from ndr.jobs.run import Run, job_logger
from ndr.store.publish import new_run_id


def unload_machine_inventory(run: Run, arguments: Arguments) -> None:
    """Publish the snapshot of the month that `reference_month_iso` lies in."""
    month = snapshot_month(arguments.reference_month_iso, "ReferenceMonthIso")
    spec = run.spec(MACHINE_INVENTORY_UNLOAD)
    statements = Statements(redshift_data_client(spec.redshift.region), spec.redshift, new_run_id())
    key = os.environ.get("NDR_KMS_KEY_ARN")
    with leased(run, MACHINE_INVENTORY.name, [month_interval(month)]) as leases:
        log, replace = job_logger(run.job_name), replace_with_empty(arguments)
        region = os.environ.get("AWS_REGION")
        unload = Unload(spec, month, statements, leases.leased_run, log, key, replace, region)
        manifest = unload.publish()
        leases.record_published(manifest)
    count_partition(run, manifest)


if __name__ == "__main__":
    main("machine_inventory_unload", ["reference-month-iso", REPLACE_WITH_EMPTY], unload_machine_inventory)
