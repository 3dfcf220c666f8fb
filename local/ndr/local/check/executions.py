"""How the last execution of each machine ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any, Final

from ndr.contract.errors import InvalidRequestError
from ndr.contract.time import format_instant
from ndr.local.check.finding import Finding, broken, guarded, ok, warning
from ndr.local.check.stack import Stack

AREA: Final = "executions"
MACHINES: Final = {
    "mini_batch": ("MiniBatchMachineArn", "{}"),
    "baselines": ("BaselinesMachineArn", '{"horizon": "7d"}'),
    "run_pipeline": ("RunPipelineMachineArn", ""),
}
"""Machine to the stack's output with its ARN and a request that starts it; run_pipeline is started by the others."""


def check_executions(stack: Stack) -> Iterator[Finding]:
    """Describe the last execution of each machine."""
    for machine, (output, request) in MACHINES.items():
        yield from guarded(AREA, partial(_check_machine, stack, machine, stack.outputs[output], request))


def started_since(stack: Stack, machine_arn: str, instant: datetime) -> bool:
    """Tell whether the newest execution of a machine began at or after an instant."""
    newest = _newest(stack, machine_arn)
    return newest is not None and bool(newest["startDate"] >= instant)


def _newest(stack: Stack, machine_arn: str) -> dict[str, Any] | None:
    """Return the newest execution. Step Functions lists the newest first."""
    listed = stack.client("stepfunctions").list_executions(stateMachineArn=machine_arn, maxResults=1)["executions"]
    return dict(listed[0]) if listed else None


def _check_machine(stack: Stack, machine: str, arn: str, request: str) -> Iterator[Finding]:
    states = stack.client("stepfunctions")
    try:
        newest = _newest(stack, arn)
    except states.exceptions.StateMachineDoesNotExist:
        yield broken(AREA, f"The machine {machine} ({arn}) does not exist.", "Deploy again: sam build && sam deploy")
        return
    start = f"aws stepfunctions start-execution --state-machine-arn {arn} --input '{request}'"
    if newest is None:
        if request:
            yield warning(AREA, f"{machine} was never started.", start)
        else:
            yield ok(AREA, f"{machine} was never started; the other machines start it.")
        return
    began = format_instant(newest["startDate"].replace(microsecond=0))
    if newest["status"] in ("SUCCEEDED", "RUNNING"):
        yield ok(AREA, f"{machine} began at {began}: {newest['status']}.")
        return
    ended = states.describe_execution(executionArn=newest["executionArn"])
    cause = ended.get("cause") or "No cause was given."
    sentence = f"{machine} began at {began}: {newest['status']}, {ended.get('error', 'no error')}: {cause}"
    look = f"aws stepfunctions describe-execution --execution-arn {newest['executionArn']}"
    if ended.get("error") == InvalidRequestError.__name__:
        yield warning(AREA, sentence, f"Start it with another request, such as: {start}" if request else look)
    else:
        yield broken(AREA, sentence, f"Repair what it says and start the request again. All of it: {look}")
