"""The reason for which a processing job failed, and the exception type that retry policies match."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

SERVICE_FAULT = "Step.SERVICE_FAULT"
THROTTLING = "Step.THROTTLING"
JOB_INTERNAL_ERROR = "SageMaker.JOB_INTERNAL_ERROR"
CAPACITY_ERROR = "SageMaker.CAPACITY_ERROR"
REASON_LIMIT = 1024


class JobFailedError(Exception):
    """A processing job failed.

    Parameters
    ----------
    reason
        The job's `FailureReason`, cut at 1,024 characters as SageMaker does.
    exception_type
        The exception type that a retry policy may name; None if no retry can help.
    """

    def __init__(self, reason: str, exception_type: str | None = None) -> None:
        self.reason = reason[:REASON_LIMIT]
        self.exception_type = exception_type
        super().__init__(self.reason)


def service_failure(action: str, error: ClientError | BotoCoreError) -> JobFailedError:
    """Return the failure of a call that SageMaker itself makes, such as reading an input.

    Parameters
    ----------
    action
        The action, with which the reason begins.
    error
        The answer of the called service.
    """
    if not isinstance(error, ClientError):
        return JobFailedError(f"InternalServerError: {action}: {error}", SERVICE_FAULT)
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if "Throttl" in code or code == "SlowDown":
        return JobFailedError(f"ClientError: {action}: {error}", THROTTLING)
    return JobFailedError(f"ClientError: {action}: {error}", SERVICE_FAULT if status >= 500 else None)
