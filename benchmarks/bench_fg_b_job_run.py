"""The FG-B job, whole, for some targets: python bench_fg_b_job_run.py PROJECT OUTPUT HORIZON:END...

Prints the seconds that it took without starting Python and importing, wall and processor.
"""

import json
import sys
import time
from functools import lru_cache
from pathlib import Path

import without_pandas  # noqa: F401
from bench_fg_b_job_data import RUN, specs

from ndr.contract.jobspecs.machine_inventory_unload import InventoryOutput
from ndr.contract.manifest import Manifest
from ndr.contract.time import parse_instant
from ndr.jobs.fg_b.job import publish_baselines
from ndr.jobs.fg_b.targets import Target
from ndr.jobs.inventory.snapshot import newest_snapshot

project, output, *wanted = sys.argv[1:]
begin, cpu_begin = time.perf_counter(), time.process_time()
baseline_specs = specs(Path(project), Path(output))
inventory = InventoryOutput.model_validate({"s3_prefix": baseline_specs.fg_b.inputs.machine_inventory})
inventory_of = lru_cache(lambda month: newest_snapshot(inventory, month))
targets = [Target(parse_instant(end), horizon) for horizon, end in (each.split(":", 1) for each in wanted)]
for target, outcome in publish_baselines(RUN, baseline_specs, targets, inventory_of):
    assert isinstance(outcome, Manifest), f"{target}: {outcome}"
print(json.dumps({"job_seconds": time.perf_counter() - begin, "job_cpu_seconds": time.process_time() - cpu_begin}))
