"""Pipelines, executions and jobs of an account and region."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ministack_sagemaker.aws_json import ServiceError
from ministack_sagemaker.sagemaker_pipelines.definition import Definition
from ministack_sagemaker.sagemaker_pipelines.pipeline_execution import PipelineExecution
from ministack_sagemaker.sagemaker_pipelines.processing_job import ProcessingJob
from ministack_sagemaker.scope import Scope


@dataclass
class Pipeline:
    """A registered pipeline."""

    name: str
    arn: str
    role_arn: str
    definition: Definition
    display_name: str
    description: str | None
    token: str
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    modified: datetime = field(default_factory=lambda: datetime.now(UTC))
    last_run: datetime | None = None
    version: int = 1


@dataclass
class Store:
    """The pipelines of one account in one region."""

    pipelines: dict[str, Pipeline] = field(default_factory=dict)
    executions: dict[str, PipelineExecution] = field(default_factory=dict)
    jobs: dict[str, ProcessingJob] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    # Execution ARN by pipeline name and client request token.
    started: dict[tuple[str, str], str] = field(default_factory=dict)

    def pipeline(self, name_or_arn: str) -> Pipeline:
        """Return the pipeline of a name or ARN, or raise ResourceNotFound."""
        pipeline = self.pipelines.get(name_or_arn.rpartition("/")[2])
        if pipeline is None:
            raise ServiceError("ResourceNotFound", f"Pipeline '{name_or_arn}' does not exist.")
        return pipeline

    def execution(self, arn: str) -> PipelineExecution:
        """Return the execution of an ARN, or raise ResourceNotFound."""
        execution = self.executions.get(arn)
        if execution is None:
            raise ServiceError("ResourceNotFound", f"Pipeline execution with ARN {arn} does not exist.")
        return execution

    def record_job(self, job: ProcessingJob) -> None:
        self.jobs[job.name] = job


_stores: dict[Scope, Store] = {}


def store(scope: Scope) -> Store:
    """Return the store of an account and region."""
    return _stores.setdefault(scope, Store())


def stop_jobs() -> None:
    """Stop every running job of every account, before the server ends."""
    for each in list(_stores.values()):
        for job in list(each.jobs.values()):
            if job.status == "InProgress":
                job.stop()


def tag_map(tags: list[dict[str, str]] | None) -> dict[str, str]:
    """Return tags as a mapping, from a list of keys and values."""
    return {tag["Key"]: tag["Value"] for tag in tags or []}


def tag_list(tags: dict[str, str]) -> list[dict[str, Any]]:
    """Return tags as a list of keys and values."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
