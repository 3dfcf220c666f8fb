"""Planning: a checked request becomes the pipeline executions that honour it.

Pure except for `services`, `running`, `ledger_rows` and the two modules that list S3 (`upstream`, `late_files`).
"""

from ndr.planner.baselines import baseline_targets, plan_baselines
from ndr.planner.ledger_rows import read_ledger_rows
from ndr.planner.mini_batch import plan_mini_batch
from ndr.planner.report import report_baselines
from ndr.planner.running import find_running

__all__ = [
    "baseline_targets",
    "find_running",
    "plan_baselines",
    "plan_mini_batch",
    "read_ledger_rows",
    "report_baselines",
]
