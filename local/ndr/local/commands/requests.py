"""Requests of the command line, checked as ``plan_run`` checks them, before anything is started."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from ndr.planner.requests import BaselinesRequest, MiniBatchRequest, Request, parse_request

MODELS: Final[dict[str, type[Request]]] = {"baselines": BaselinesRequest, "mini_batch": MiniBatchRequest}
"""What each machine is asked for."""
ANY_PROJECT: Final = {"project_name": "any", "feature_spec_version": "any"}
"""Stands for the stack's own, which the command line does not know before it has looked for a stack."""


def checked_request(machine: str, request: dict[str, Any]) -> dict[str, Any]:
    """Return a machine's input as it is, if the machine can be asked for it.

    Parameters
    ----------
    machine : {"baselines", "mini_batch"}
    request : dict
        The fields that are given.

    Raises
    ------
    InvalidRequestError
        The sentence that the machine's execution would fail with.
    """
    parse_request(MODELS[machine], request, datetime.now(UTC), ANY_PROJECT)
    return request
