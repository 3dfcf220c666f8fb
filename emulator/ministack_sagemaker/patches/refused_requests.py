"""What policies refuse to a role, a line each in the file `refused.jsonl` of the account's `state` directory.

MiniStack tells the caller alone, and a caller may keep it to itself: a job goes on without what it may not read.
"""

from __future__ import annotations

import json
import threading
from typing import Any, Final

from ministack.core import iam_evaluator

from ministack_sagemaker.directories import state
from ministack_sagemaker.refusals import FILE

_writing: Final = threading.Lock()


def record() -> None:
    """Write down each decision of a role's own policies that is not to allow."""
    evaluate = iam_evaluator.evaluate

    def evaluate_and_record(context: iam_evaluator.EvalContext, *policies: Any) -> iam_evaluator.EvalResult:
        result = evaluate(context, *policies)
        if result.decision != "Allow" and ":assumed-role/" in context.principal_arn:
            role = context.principal_arn.rpartition(":assumed-role/")[2].partition("/")[0]
            line = json.dumps({"role": role, "action": context.action, "resource": context.resource_arn})
            with _writing, (state() / FILE).open("a") as file:
                file.write(line + "\n")
        return result

    iam_evaluator.evaluate = evaluate_and_record
