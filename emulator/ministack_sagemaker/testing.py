"""For tests: an account that ends with its test, roles that may do everything, a queue that gets a topic's messages or
a bus's events."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ministack_sagemaker.lifecycle import Account, down, up
from ministack_sagemaker.sagemaker_pipelines import warm_python

JOBS_ROLE: Final = "arn:aws:iam::123456789012:role/open-jobs"
"""ARN of a role for pipelines and their jobs, once `create_open_roles` has created it."""
STATES_ROLE: Final = "arn:aws:iam::123456789012:role/open-states"
"""ARN of a role for state machines, once `create_open_roles` has created it."""
_SERVICES = {JOBS_ROLE: "sagemaker.amazonaws.com", STATES_ROLE: "states.amazonaws.com"}
_EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@contextmanager
def fast_account(directory: Path, *, job_startup_seconds: float = 0.0) -> Iterator[Account]:
    """Start an account that enforces IAM, in which Wait states and retry intervals take a hundredth of their time.

    Its jobs fork from a warm Python process where that is possible.

    Parameters
    ----------
    directory
        Where it keeps its files; a temporary directory of the test.
    job_startup_seconds
        Start-up time of Processing jobs.
    """
    with environment_variables(**{warm_python.SWITCH: "true"}):
        account = up(directory, wait_scale=0.01, job_startup_seconds=job_startup_seconds, end_with_parent=True)
    try:
        yield account
    finally:
        down(directory)


@contextmanager
def environment_variables(**variables: str) -> Iterator[None]:
    """Set environment variables, for a process that is started meanwhile; then restore what was there."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            os.environ.pop(name)
            if name in before:
                os.environ[name] = before[name]


def create_open_roles(account: Account) -> None:
    """Create two roles that may do everything, for tests that are not about permissions."""
    iam = account.client("iam")
    for arn, service in _SERVICES.items():
        name = arn.rpartition("/")[2]
        trusted = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        trust = {"Version": "2012-10-17", "Statement": [trusted]}
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        iam.put_role_policy(RoleName=name, PolicyName="everything", PolicyDocument=json.dumps(_EVERYTHING))


def subscribed_queue(account: Account, name: str, topic_arn: str) -> str:
    """Create a queue that SNS may send to, subscribe it to a topic, and return its URL."""
    url, arn = _queue(account, name, "sns.amazonaws.com")
    account.client("sns").subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn)
    return url


def queue_of_events(account: Account, name: str, pattern: Mapping[str, Any], bus: str = "default") -> str:
    """Create a queue that gets the events of a bus that match a pattern, by a rule; return its URL."""
    url, arn = _queue(account, name, "events.amazonaws.com")
    events = account.client("events")
    events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    return url


def received(account: Account, url: str) -> list[dict[str, Any]]:
    """Take all messages from a queue, and return their bodies, which are JSON objects."""
    sqs = account.client("sqs")
    bodies: list[dict[str, Any]] = []
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        bodies += [json.loads(message["Body"]) for message in found]
        for message in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def _queue(account: Account, name: str, sender: str) -> tuple[str, str]:
    """Create a queue that a service may send to; return its URL and ARN."""
    sqs = account.client("sqs")
    url = str(sqs.create_queue(QueueName=name)["QueueUrl"])
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    may_send = {"Effect": "Allow", "Principal": {"Service": sender}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [{**may_send, "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    return url, str(arn)
