"""The ids of a run: they link its log lines to the pipeline execution that started it."""

from __future__ import annotations

import json
import os

from ndr.spark.instances import opt_ml

OUTSIDE: str = "local"
"""The job's name where there is no Processing job."""


def processing_job() -> str:
    """Return the Processing job's name, from the file that SageMaker writes into every container."""
    try:
        return str(json.loads((opt_ml() / "config" / "processingjobconfig.json").read_text())["ProcessingJobName"])
    except (OSError, ValueError, KeyError):
        return OUTSIDE


def correlation() -> dict[str, str]:
    """Return the ids that every log line and metric of a job carries.

    `pipeline_execution` is an ARN, the one that the state machine's own events name.
    """
    execution = os.environ.get("NDR_PIPELINE_EXECUTION")
    return {"processing_job": processing_job(), **({"pipeline_execution": execution} if execution else {})}
