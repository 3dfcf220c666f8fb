"""Requests of the command line, checked as ``plan_run`` checks them, before anything is started."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from ndr.planner.requests import BaselinesRequest, MiniBatchRequest, Request, parse_request

MODELS: Final[dict[str, type[Request]]] = {"baselines": BaselinesRequest, "mini_batch": MiniBatchRequest}
"""What each machine is asked for."""
ANY_PROJECT: Final = {"project_name": "any", "feature_spec_version": "any"}
"""Stands for the stack's own, which the command line does not know before it has looked for a stack."""


def checked_request(machine: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request that options of a command stand for: those that are given, as the machine's input.

    Parameters
    ----------
    machine : {"baselines", "mini_batch"}
    options : mapping
        Field of the request to value; None and False stand for an option that is left out.

    Raises
    ------
    InvalidRequestError
        The sentence that the machine's execution would fail with.
    """
    given = {name: value for name, value in options.items() if value is not None and value is not False}
    parse_request(MODELS[machine], given, datetime.now(UTC), ANY_PROJECT)
    return given
