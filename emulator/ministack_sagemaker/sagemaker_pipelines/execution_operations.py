"""Operations on executions of pipelines: start, describe, list, stop, and their steps and jobs."""

from __future__ import annotations

import threading
from typing import Any

from ministack_sagemaker.aws_json import ServiceError
from ministack_sagemaker.pagination import page
from ministack_sagemaker.sagemaker_pipelines.parameters import bind
from ministack_sagemaker.sagemaker_pipelines.pipeline_execution import PipelineExecution
from ministack_sagemaker.sagemaker_pipelines.store import store
from ministack_sagemaker.scope import Scope

_starting = threading.Lock()


def start_pipeline_execution(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    here = store(scope)
    pipeline = here.pipeline(request["PipelineName"])
    token = (pipeline.name, request["ClientRequestToken"])
    with _starting:
        if token in here.started:
            return {"PipelineExecutionArn": _same_request(here.execution(here.started[token]), request).arn}
        parameters = bind(pipeline.definition.parameters, request.get("PipelineParameters") or [])
        execution = PipelineExecution(scope, pipeline.arn, pipeline.role_arn, pipeline.definition, parameters, request)
        here.executions[execution.arn] = execution
        here.started[token] = execution.arn
        pipeline.last_run = execution.created
    execution.start(here.record_job)
    return {"PipelineExecutionArn": execution.arn}


def describe_pipeline_execution(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    execution = store(scope).execution(request["PipelineExecutionArn"])
    return {
        "PipelineArn": execution.pipeline_arn,
        "PipelineExecutionArn": execution.arn,
        "PipelineExecutionDisplayName": _display_name(execution),
        "PipelineExecutionStatus": execution.status,
        "PipelineExecutionDescription": execution.request.get("PipelineExecutionDescription"),
        "FailureReason": execution.failure_reason,
        "CreationTime": execution.created,
        "LastModifiedTime": execution.modified,
    }


def list_pipeline_executions(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    here = store(scope)
    arn = here.pipeline(request["PipelineName"]).arn
    found = [
        execution
        for execution in here.executions.values()
        if execution.pipeline_arn == arn and _created_between(execution, request)
    ]
    found.sort(
        key=lambda each: each.arn if request.get("SortBy") == "PipelineExecutionArn" else each.created.isoformat(),
        reverse=request.get("SortOrder", "Descending") == "Descending",
    )
    shown, token = page(found, request)
    summaries = [
        {
            "PipelineExecutionArn": execution.arn,
            "StartTime": execution.created,
            "PipelineExecutionStatus": execution.status,
            "PipelineExecutionDescription": execution.request.get("PipelineExecutionDescription"),
            "PipelineExecutionDisplayName": _display_name(execution),
            "PipelineExecutionFailureReason": execution.failure_reason,
        }
        for execution in shown
    ]
    return {"PipelineExecutionSummaries": summaries, "NextToken": token}


def list_pipeline_execution_steps(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    if "PipelineExecutionArn" not in request:
        raise ServiceError("ValidationException", "PipelineExecutionArn is required.")
    steps = list(store(scope).execution(request["PipelineExecutionArn"]).steps.values())
    if request.get("SortOrder", "Descending") == "Descending":
        steps.reverse()
    shown, token = page([step.describe() for step in steps], request)
    return {"PipelineExecutionSteps": shown, "NextToken": token}


def list_pipeline_parameters_for_execution(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    parameters = store(scope).execution(request["PipelineExecutionArn"]).parameters
    shown, token = page([{"Name": name, "Value": str(value)} for name, value in parameters.items()], request)
    return {"PipelineParameters": shown, "NextToken": token}


def stop_pipeline_execution(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    execution = store(scope).execution(request["PipelineExecutionArn"])
    execution.stop()
    return {"PipelineExecutionArn": execution.arn}


def describe_processing_job(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    job = store(scope).jobs.get(request["ProcessingJobName"])
    if job is None:
        raise ServiceError(
            "ValidationException", f"Could not find requested job with name: {request['ProcessingJobName']}"
        )
    return job.describe()


def _same_request(execution: PipelineExecution, request: dict[str, Any]) -> PipelineExecution:
    if execution.request != request:
        raise ServiceError(
            "ValidationException",
            f"ClientRequestToken {request['ClientRequestToken']} was already used to start {execution.arn} "
            "with another request.",
        )
    return execution


def _created_between(execution: PipelineExecution, request: dict[str, Any]) -> bool:
    at = execution.created.timestamp()
    return bool(request.get("CreatedAfter", at) <= at <= request.get("CreatedBefore", at))


def _display_name(execution: PipelineExecution) -> str:
    given = execution.request.get("PipelineExecutionDisplayName")
    return given or f"execution-{int(execution.created.timestamp() * 1000)}"
