"""Entry point of FifteenMinuteStep: the jobs of the 15-minute pipeline one after the other, in one container."""

from __future__ import annotations

import sys
from pathlib import Path

from ndr.jobs.sequence import ScriptProcess, exit_code, project_jobs, run_in_sequence

if __name__ == "__main__":
    runner = ScriptProcess(Path(__file__).parent, sys.argv[1:])
    sys.exit(exit_code(run_in_sequence(project_jobs(sys.argv[1:]), runner)))
