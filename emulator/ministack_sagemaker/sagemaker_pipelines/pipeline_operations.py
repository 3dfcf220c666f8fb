"""Operations on pipelines: create, update, describe, delete, list, and their tags."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from ministack_sagemaker.acting_role import NotAllowedError, require_of_caller
from ministack_sagemaker.aws_json import ServiceError
from ministack_sagemaker.pagination import page
from ministack_sagemaker.sagemaker_pipelines.definition import Definition
from ministack_sagemaker.sagemaker_pipelines.store import Pipeline, store, tag_list, tag_map
from ministack_sagemaker.scope import Scope

_changing = threading.Lock()


def create_pipeline(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    name, pipelines = request["PipelineName"], store(scope).pipelines
    _check_passed_role(scope, request["RoleArn"])
    definition = _definition(scope, request)
    if definition is None:
        raise ServiceError("ValidationException", "PipelineDefinition or PipelineDefinitionS3Location is required.")
    with _changing:
        existing = pipelines.get(name)
        if existing is not None:
            if existing.token == request["ClientRequestToken"]:
                return {"PipelineArn": existing.arn}
            raise ServiceError(
                "ValidationException",
                "Pipeline names must be unique within an AWS account and region. "
                f"Pipeline with name ({name}) already exists.",
            )
        pipelines[name] = Pipeline(
            name=name,
            arn=scope.arn("sagemaker", f"pipeline/{name}"),
            role_arn=request["RoleArn"],
            definition=definition,
            display_name=request.get("PipelineDisplayName", name),
            description=request.get("PipelineDescription"),
            token=request["ClientRequestToken"],
        )
    store(scope).tags[pipelines[name].arn] = tag_map(request.get("Tags"))
    return {"PipelineArn": pipelines[name].arn}


def update_pipeline(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    pipeline = store(scope).pipeline(request["PipelineName"])
    _check_passed_role(scope, request.get("RoleArn", pipeline.role_arn))
    definition = _definition(scope, request)
    with _changing:
        pipeline.definition = definition or pipeline.definition
        pipeline.role_arn = request.get("RoleArn", pipeline.role_arn)
        pipeline.display_name = request.get("PipelineDisplayName", pipeline.display_name)
        pipeline.description = request.get("PipelineDescription", pipeline.description)
        pipeline.modified = datetime.now(UTC)
        pipeline.version += 1
    return {"PipelineArn": pipeline.arn, "PipelineVersionId": pipeline.version}


def describe_pipeline(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    pipeline = store(scope).pipeline(request["PipelineName"])
    return {
        "PipelineArn": pipeline.arn,
        "PipelineName": pipeline.name,
        "PipelineDisplayName": pipeline.display_name,
        "PipelineDefinition": pipeline.definition.text,
        "PipelineDescription": pipeline.description,
        "RoleArn": pipeline.role_arn,
        "PipelineStatus": "Active",
        "CreationTime": pipeline.created,
        "LastModifiedTime": pipeline.modified,
        "LastRunTime": pipeline.last_run,
    }


def delete_pipeline(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    here = store(scope)
    pipeline = here.pipeline(request["PipelineName"])
    for execution in here.executions.values():
        if execution.pipeline_arn == pipeline.arn and execution.status in ("Executing", "Stopping"):
            raise ServiceError("ConflictException", f"Pipeline '{pipeline.name}' has running executions.")
    with _changing:
        here.pipelines.pop(pipeline.name, None)
    here.tags.pop(pipeline.arn, None)
    return {"PipelineArn": pipeline.arn}


def list_pipelines(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    prefix = request.get("PipelineNamePrefix", "")
    found = [pipeline for name, pipeline in store(scope).pipelines.items() if name.startswith(prefix)]
    found.sort(
        key=lambda pipeline: pipeline.name if request.get("SortBy") == "Name" else pipeline.created.isoformat(),
        reverse=request.get("SortOrder", "Descending") == "Descending",
    )
    shown, token = page(found, request)
    summaries = [
        {
            "PipelineArn": pipeline.arn,
            "PipelineName": pipeline.name,
            "PipelineDisplayName": pipeline.display_name,
            "PipelineDescription": pipeline.description,
            "RoleArn": pipeline.role_arn,
            "CreationTime": pipeline.created,
            "LastModifiedTime": pipeline.modified,
            "LastExecutionTime": pipeline.last_run,
        }
        for pipeline in shown
    ]
    return {"PipelineSummaries": summaries, "NextToken": token}


def add_tags(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    tags = _tags(scope, request["ResourceArn"])
    tags.update(tag_map(request["Tags"]))
    return {"Tags": tag_list(tags)}


def list_tags(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    shown, token = page(tag_list(_tags(scope, request["ResourceArn"])), request)
    return {"Tags": shown, "NextToken": token}


def _check_passed_role(scope: Scope, role_arn: str) -> None:
    try:
        require_of_caller(scope, "iam:PassRole", role_arn, iam__PassedToService="sagemaker.amazonaws.com")
    except NotAllowedError as error:
        raise ServiceError("AccessDeniedException", str(error)) from error


def _tags(scope: Scope, arn: str) -> dict[str, str]:
    tags = store(scope).tags
    if arn not in tags:
        raise ServiceError("ValidationException", f"Resource {arn} does not exist or takes no tags.")
    return tags[arn]


def _definition(scope: Scope, request: dict[str, Any]) -> Definition | None:
    location = request.get("PipelineDefinitionS3Location")
    if location is not None:
        where = {"Bucket": location["Bucket"], "Key": location["ObjectKey"]}
        if "VersionId" in location:
            where["VersionId"] = location["VersionId"]
        try:
            return Definition.parse(scope.client("s3").get_object(**where)["Body"].read().decode())
        except ClientError as error:
            raise ServiceError("ValidationException", f"The pipeline definition can't be read: {error}") from error
    text = request.get("PipelineDefinition")
    return None if text is None else Definition.parse(text)
