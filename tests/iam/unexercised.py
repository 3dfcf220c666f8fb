"""Statements that nothing on the embedded account can need, each with the reason; they are not counted as needed."""

from __future__ import annotations

from typing import Final

UNEXERCISED: Final = {
    "Trace": "there is no X-Ray on the embedded account: traces go nowhere, whatever the role",
    "DeliverLogs": "AWS asks for it when a machine with logging is created; no log of a machine is kept here",
    "WriteMetrics": "SageMaker's agent on the instance reports CPU and memory with it; no instance runs here",
}
