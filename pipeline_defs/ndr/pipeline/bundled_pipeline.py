"""A SageMaker pipeline that brings its code along when it is registered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ndr.pipeline.code_bundle import CodeBundle
from ndr.pipeline.definition import definition_digest
from ndr.pipeline.sagemaker_sdk import Parameter, Pipeline, PipelineSession, ProcessingStep

PIPELINE_TAGS = [{"Key": "application", "Value": "ndr-feature-pipelines"}]


class BundledPipeline(Pipeline):
    """An SDK pipeline whose ``create``, ``update`` and ``upsert`` first upload the job code it refers to.

    ``definition()`` makes no AWS call: the code's place in S3 follows from its content. Registering is the first moment
    at which the code must be there, so that is when it is uploaded.

    Parameters
    ----------
    name : str
        Pipeline name.
    summary : str
        One sentence on what the pipeline computes; the registered description is this and the definition's digest.
    parameters, steps : sequence
        As in the SDK's ``Pipeline``.
    code : CodeBundle
        The code that the steps run.
    code_bucket : str
        Bucket that the steps take the code from.
    session : PipelineSession
        The session that registers and starts the pipeline.
    """

    def __init__(
        self,
        *,
        name: str,
        summary: str,
        parameters: Sequence[Parameter],
        steps: Sequence[ProcessingStep],
        code: CodeBundle,
        code_bucket: str,
        session: PipelineSession,
    ) -> None:
        super().__init__(
            name=name,
            parameters=list(parameters),
            steps=list(steps),
            sagemaker_session=session,
            # No SageMaker experiment: the SDK would make one by default, in some regions only, and a trial in it for
            # each of the 96 executions a day.
            pipeline_experiment_config=None,
        )
        self.summary = summary
        self.code = code
        self.code_bucket = code_bucket

    def description_of(self, definition: str) -> str:
        """Return the description to register with a definition: what the pipeline is for, and the digest."""
        return f"{self.summary} Definition sha256:{definition_digest(definition)}"

    def create(
        self,
        role_arn: str | None = None,
        description: str | None = None,
        tags: Any = None,
        parallelism_config: Any = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Upload the code, then create the pipeline with its description and tags; arguments as in the SDK."""
        self.upload_code()
        described = description or self.description_of(self.definition())
        return super().create(role_arn, described, tags or PIPELINE_TAGS, parallelism_config, **options)

    def update(
        self, role_arn: str | None = None, description: str | None = None, parallelism_config: Any = None
    ) -> dict[str, Any]:
        """Upload the code, then update the pipeline and its description; arguments as in the SDK."""
        self.upload_code()
        described = description or self.description_of(self.definition())
        return super().update(role_arn, described, parallelism_config)

    def upload_code(self) -> bool:
        """Put the code where the steps take it from; returns whether anything had to be put."""
        return self.code.upload(self.sagemaker_session.boto_session.client("s3"), self.code_bucket)
