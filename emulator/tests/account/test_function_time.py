"""Functions that need more than their timeout on Lambda, though not on this machine.

Step Functions Developer Guide, "Handling errors in Step Functions workflows"
(https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html): a function's timeout is reported as
Sandbox.Timedout; only older runtimes report Lambda.Unknown.
"""

from __future__ import annotations

import io
import json
import time
import uuid
import zipfile
from typing import Any

from ministack_sagemaker.function_time import invocations
from ministack_sagemaker.lifecycle import Account
from ministack_sagemaker.testing import STATES_ROLE

CODE = """
import time

def handler(event, context):
    ends = time.process_time() + event.get("cpu", 0)
    while time.process_time() < ends:
        pass
    time.sleep(event.get("wait", 0))
    if event.get("fail"):
        raise ValueError("told to")
    return "done"
"""


def create(account: Account, memory_mb: int, timeout: int) -> str:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("app.py", CODE)
    name = f"f-{uuid.uuid4().hex[:10]}"
    account.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Handler="app.handler",
        Role=STATES_ROLE,
        Code={"ZipFile": archive.getvalue()},
        MemorySize=memory_mb,
        Timeout=timeout,
    )
    return name


def invoke(account: Account, function: str, **event: Any) -> tuple[str | None, Any]:
    answer = account.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())
    return answer.get("FunctionError"), json.loads(answer["Payload"].read())


def test_a_function_with_little_memory_times_out_by_its_cpu_seconds(account: Account) -> None:
    small, whole = create(account, 128, 3), create(account, 1_769, 3)
    assert invoke(account, whole, cpu=0.4) == (None, "done")
    error, body = invoke(account, small, cpu=0.4)  # 0.4 s of a core are 5.5 s of 0.07 of a core
    assert error == "Unhandled"
    assert body["errorType"] == "Sandbox.Timedout"
    assert body["errorMessage"].startswith("RequestId: ")
    assert body["errorMessage"].endswith(" Error: Task timed out after 3.00 seconds")
    assert invoke(account, small, cpu=0.01) == (None, "done")  # in a new environment
    (charged,) = [each for each in invocations(account.directory) if each.function == whole]
    assert 0.4 <= charged.cpu_seconds < 0.6
    assert 0 < charged.init_seconds < 3
    assert [each.share > 1 for each in invocations(account.directory) if each.function == small] == [True, False]


def test_a_wait_takes_no_share_of_a_core(account: Account) -> None:
    function = create(account, 128, 3)
    assert invoke(account, function, wait=1.0) == (None, "done")
    (charged,) = [each for each in invocations(account.directory) if each.function == function]
    assert 0.9 <= charged.waited_seconds < 1.5


def test_a_machine_sees_the_timeout_by_its_name_and_an_error_before_it_too(account: Account) -> None:
    function = create(account, 128, 3)
    caught = [{"ErrorEquals": ["Sandbox.Timedout"], "Output": "{% $states.errorOutput %}", "Next": "Caught"}]
    call = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": function, "Payload": "{% $states.input %}"},
        "Catch": caught,
        "End": True,
    }
    states = {"Call": call, "Caught": {"Type": "Pass", "End": True}}
    client = account.client("stepfunctions")
    machine = client.create_state_machine(
        name=f"m-{uuid.uuid4().hex[:10]}",
        definition=json.dumps({"QueryLanguage": "JSONata", "StartAt": "Call", "States": states}),
        roleArn=STATES_ROLE,
    )["stateMachineArn"]
    # The handler fails after the time at which Lambda would have ended it, so nobody learns of its error there.
    given = json.dumps({"cpu": 0.4, "fail": True})
    arn = client.start_execution(stateMachineArn=machine, input=given)["executionArn"]
    deadline = time.monotonic() + 30
    while (ended := client.describe_execution(executionArn=arn))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    output = json.loads(ended["output"])
    assert output["Error"] == "Sandbox.Timedout"
    assert json.loads(output["Cause"])["errorMessage"].endswith("Task timed out after 3.00 seconds")
