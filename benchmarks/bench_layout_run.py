"""The FG-B job for one baseline: python bench_layout_run.py SOURCE_URI OUTPUT_URI HORIZON

Prints the seconds that it took without starting Python and importing, wall and processor.
"""

import json
import sys
import time

import without_pandas  # noqa: F401
from bench_fg_b_job_data import END, RUN
from bench_layout_data import specs

from ndr.contract.jobspecs.machine_inventory_unload import InventoryOutput
from ndr.contract.manifest import Manifest
from ndr.jobs.fg_b.job import publish_baselines
from ndr.jobs.fg_b.targets import Target
from ndr.jobs.inventory.snapshot import newest_snapshot

source, output, horizon = sys.argv[1:]
begin, cpu_begin = time.perf_counter(), time.process_time()
baseline_specs = specs(source, output)
inventory = InventoryOutput.model_validate({"s3_prefix": baseline_specs.fg_b.inputs.machine_inventory})
for target, outcome in publish_baselines(
    RUN, baseline_specs, [Target(END, horizon)], lambda month: newest_snapshot(inventory, month)
):
    assert isinstance(outcome, Manifest), f"{target}: {outcome}"
print(json.dumps({"job_seconds": time.perf_counter() - begin, "job_cpu_seconds": time.process_time() - cpu_begin}))
