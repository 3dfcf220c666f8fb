"""Planning: a checked request becomes the pipeline executions that honour it.

Pure but for reading the ledger, and what runs.
"""

from ndr.contract.planning.baselines import baseline_targets, plan_baselines
from ndr.contract.planning.entries import read_entries
from ndr.contract.planning.mini_batch import plan_mini_batch
from ndr.contract.planning.report import report_baselines
from ndr.contract.planning.running import find_running

__all__ = [
    "baseline_targets",
    "find_running",
    "plan_baselines",
    "plan_mini_batch",
    "read_entries",
    "report_baselines",
]
