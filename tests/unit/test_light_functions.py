from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {
    "NDR_JOBSPEC_TABLE": "jobspecs",
    "NDR_LEDGER_TABLE": "ledger",
    "DEFAULT_PROJECT_NAME": "ndr-prod",
    "DEFAULT_FEATURE_SPEC_VERSION": "v1",
    "BATCH_SETTLE_MINUTES": "0",
}
# What only a job, a definition or a test needs: any of these would be most of a light function's cold start.
HEAVY = {"duckdb", "numba", "numpy", "pandas", "pyarrow", "pyspark", "sagemaker", "sqlglot"}


@pytest.mark.parametrize("function", ["plan_run", "explain_failure"])
def test_a_light_functions_handler_imports_nothing_heavy(function: str) -> None:
    code = "import json, sys, app; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT / "lambdas" / function,
        env={**os.environ, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", **ENVIRONMENT},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    imported = set(json.loads(ran.stdout))
    assert {"app", "boto3", "pydantic"} <= imported
    assert not imported & HEAVY
