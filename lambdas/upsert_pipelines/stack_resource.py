"""The stack's own use of this function: custom resources that register the pipelines and try a new release."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools import Logger

logger = Logger(service="upsert_pipelines")

ANSWER_SECONDS = 30
# CloudFormation takes an answer of at most 4096 bytes; a reason takes nearly all of it.
REASON_LIMIT = 2000


def is_stack_event(event: Mapping[str, Any]) -> bool:
    """Tell whether CloudFormation asks, and not a person or a program."""
    return "RequestType" in event and "ResponseURL" in event


def answer_stack(event: Mapping[str, Any], act: Callable[[], Mapping[str, str]]) -> None:
    """Do what CloudFormation asks and tell it how that went; it waits for the answer, whatever happens.

    Parameters
    ----------
    event : mapping
        The event of a custom resource.
    act : callable
        Does it, and returns the resource's attributes: a word or a sentence by name.
    """
    answer: dict[str, Any] = {
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
        # One id for good: another one would tell CloudFormation to delete what the old one stands for.
        "PhysicalResourceId": event.get("PhysicalResourceId") or f"{event['LogicalResourceId']}-pipelines",
    }
    try:
        answer |= {"Status": "SUCCESS", "Data": dict(act())}
    except Exception as error:
        logger.exception("The stack's request failed")
        answer |= {"Status": "FAILED", "Reason": f"{type(error).__name__}: {error}"[:REASON_LIMIT]}
    _put(event["ResponseURL"], json.dumps(answer).encode())


def _put(url: str, body: bytes) -> None:
    # The URL is signed for an empty content type, which urllib would fill in otherwise.
    request = urllib.request.Request(url, data=body, method="PUT", headers={"Content-Type": ""})  # noqa: S310
    with urllib.request.urlopen(request, timeout=ANSWER_SECONDS):  # noqa: S310  CloudFormation's own URL
        pass
