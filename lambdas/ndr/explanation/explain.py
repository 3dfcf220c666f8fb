"""What SageMaker knows about a pipeline execution that did not succeed, put together for a person."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from botocore.exceptions import ClientError

LOG_GROUP: Final = "/aws/sagemaker/ProcessingJobs"
CONSOLE_HOSTS: Final = {"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}

# The step to name, in the order in which a step's status tells why the whole execution ended.
_TELLING: Final = ("Failed", "Stopped", "Stopping", "Executing", "Starting")


def explain(sagemaker: Any, logs: Any, execution_arn: str, deadline_seconds: int | None = None) -> dict[str, Any]:
    """Explain how a pipeline execution ended.

    Parameters
    ----------
    sagemaker, logs : boto3 clients
    execution_arn : str
    deadline_seconds : int, optional
        Given when the execution was stopped because it ran longer.

    Returns
    -------
    dict
        `pipeline`, `execution` (ARN), `status`, `step`, `reason`, `log_url` (the last three None where SageMaker
        knows none) and `message`, a sentence or two. The status of an execution that SageMaker does not have is
        `NotFound`.
    """
    try:
        execution = sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution_arn)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFound":
            raise
        return _not_found(execution_arn)
    step = _telling_step(_steps(sagemaker, execution_arn))
    job = _processing_job(sagemaker, step) if step else None
    known = {
        "pipeline": _name_in_arn(execution["PipelineArn"]),
        "execution": execution_arn,
        "status": execution["PipelineExecutionStatus"],
        "step": step["StepName"] if step else None,
        "reason": _reason(execution, step, job),
        "log_url": _log_url(logs, job, execution_arn) if job else None,
    }
    return {**known, "message": _sentence(known, deadline_seconds)}


def _not_found(execution_arn: str) -> dict[str, Any]:
    """Answer for an execution that SageMaker does not have, such as the one of a sample event."""
    pipeline = _name_in_arn(execution_arn.partition("/execution/")[0])
    found = {"pipeline": pipeline, "execution": execution_arn, "status": "NotFound"}
    sentence = (
        f"SageMaker has no pipeline execution {execution_arn}. `aws sagemaker list-pipeline-executions --pipeline-name "
        f"{pipeline}` lists those that it has."
    )
    return {**found, "step": None, "reason": None, "log_url": None, "message": sentence}


def _steps(sagemaker: Any, execution_arn: str) -> list[dict[str, Any]]:
    pages = sagemaker.get_paginator("list_pipeline_execution_steps").paginate(PipelineExecutionArn=execution_arn)
    return [step for page in pages for step in page["PipelineExecutionSteps"]]


def _telling_step(steps: list[dict[str, Any]]) -> dict[str, Any] | None:
    for status in _TELLING:
        for step in steps:
            if step["StepStatus"] == status:
                return step
    return None


def _processing_job(sagemaker: Any, step: dict[str, Any]) -> dict[str, Any] | None:
    arn = step.get("Metadata", {}).get("ProcessingJob", {}).get("Arn")
    if arn is None:
        return None
    try:
        return dict(sagemaker.describe_processing_job(ProcessingJobName=_name_in_arn(arn)))
    except ClientError:  # an explanation without the job is better than none
        return {"ProcessingJobName": _name_in_arn(arn)}


def _reason(execution: dict[str, Any], step: dict[str, Any] | None, job: dict[str, Any] | None) -> str | None:
    """Return the most telling reason: the job's exit message is the job's own sentence, the others quote it."""
    candidates = [
        *((job.get("ExitMessage"), job.get("FailureReason")) if job else ()),
        step.get("FailureReason") if step else None,
        execution.get("FailureReason"),
    ]
    return next((" ".join(text.split()) for text in candidates if text), None)


def _log_url(logs: Any, job: dict[str, Any], execution_arn: str) -> str:
    """Return the console's link to the job's log stream; to the search for it where the stream is not there yet."""
    partition, region = execution_arn.split(":")[1], execution_arn.split(":")[3]
    host = CONSOLE_HOSTS.get(partition, "console.aws.amazon.com")
    group = f"https://{region}.{host}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{_twice(LOG_GROUP)}"
    prefix = f"{job['ProcessingJobName']}/"
    try:
        streams = logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=prefix)["logStreams"]
    except ClientError:
        streams = []
    if not streams:
        return f"{group}$3FlogStreamNameFilter$3D{_twice(prefix)}"
    return f"{group}/log-events/{_twice(streams[0]['logStreamName'])}"


def _twice(text: str) -> str:
    """Quote for the fragment of a CloudWatch console link, which is percent-encoded twice with $ for %."""
    return quote(quote(text, safe=""), safe="").replace("%", "$")


def _sentence(known: dict[str, Any], deadline_seconds: int | None) -> str:
    if deadline_seconds is not None:
        what = f"Pipeline {known['pipeline']} ran longer than {deadline_seconds} s and was stopped"
        where = f" while step {known['step']} was running" if known["step"] else ""
    else:
        what = f"Pipeline {known['pipeline']} ended as {known['status']}"
        where = f" in step {known['step']}" if known["step"] else ""
    reason = f": {known['reason'].rstrip('.')}" if known["reason"] else ""
    log = f". Log: {known['log_url']}" if known["log_url"] else f". Execution: {known['execution']}"
    return f"{what}{where}{reason}{log}"


def _name_in_arn(arn: str) -> str:
    return arn.split(":", 5)[5].split("/")[1]
