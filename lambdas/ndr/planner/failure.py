"""How a machine fails: under the error's own name, with a sentence as its cause."""

from __future__ import annotations

from typing import Any, Final

from ndr.contract.errors import NdrError, PipelineFailedError

ERROR_LIMIT: Final = 256
CAUSE_LIMIT: Final = 32_768
"""Characters that Step Functions takes of a failure's name and cause."""


def end_task(states: Any, token: str, failure: tuple[str, str] | None) -> None:
    """End a task that waits for its token. The function that is asked to do so does not fail itself.

    Parameters
    ----------
    states : boto3 client
        Of Step Functions.
    token : str
    failure : tuple of str, optional
        Name and cause with which the task fails, and its execution with it. Without them it succeeds.
    """
    if failure is None:
        states.send_task_success(taskToken=token, output="{}")
        return
    error, cause = failure
    states.send_task_failure(taskToken=token, error=error[:ERROR_LIMIT], cause=cause[:CAUSE_LIMIT])


def named_error(name: str, cause: str) -> NdrError:
    """Return the error of a name with its sentence; a name that the contract does not know goes into the sentence."""
    known = {error.__name__: error for error in NdrError.__subclasses__()}
    return known[name](cause) if name in known else PipelineFailedError(f"{name}: {cause}")
