"""Statements that nothing on the embedded account can need, each with the reason; they are not counted as needed.

Each by its Sid, or with its role where other roles' statements of that name can be exercised.
"""

from __future__ import annotations

from typing import Final

from tests.iam.roles import Statement

UNEXERCISED: Final = {
    "Trace": "there is no X-Ray on the embedded account: traces go nowhere, whatever the role",
    "WriteMetrics": "SageMaker's agent on the instance reports CPU and memory with it; no instance runs here",
}


def reason_not_exercised(statement: Statement) -> str | None:
    """Why a statement can't be exercised here; None when it can."""
    return UNEXERCISED.get(str(statement)) or UNEXERCISED.get(statement.sid)
