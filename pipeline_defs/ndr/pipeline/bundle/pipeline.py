"""A SageMaker pipeline that uploads its job code when it is registered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ndr.pipeline.bundle.code import CodeBundle
from ndr.pipeline.bundle.digest import definition_digest
from ndr.pipeline.sdk import Parameter, Pipeline, PipelineSession, ProcessingStep

PIPELINE_TAGS = [{"Key": "application", "Value": "ndr-feature-pipelines"}]


class BundledPipeline(Pipeline):
    """An SDK pipeline whose ``create``, ``update`` and ``upsert`` first upload the job code it refers to.

    ``definition()`` makes no AWS call, because the S3 prefix of the code follows from its content. The code must be in
    S3 from registration on, so registration uploads it.

    Parameters
    ----------
    name : str
        Pipeline name.
    summary : str
        One sentence on what the pipeline computes. The registered description adds the definition's digest.
    parameters, steps : sequence
        As in the SDK's ``Pipeline``.
    code : CodeBundle
        The code that the steps run.
    code_bucket : str
        Bucket that the steps read the code from.
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
            # No SageMaker experiment. By default the SDK creates one, in some regions only, with a trial for each of
            # the 96 executions a day.
            pipeline_experiment_config=None,
        )
        self.summary = summary
        self.code = code
        self.code_bucket = code_bucket

    def description_of(self, definition: str) -> str:
        """Return the description to register with a definition: the summary and the digest."""
        return f"{self.summary} Definition sha256:{definition_digest(definition)}"

    def create(
        self,
        role_arn: str | None = None,
        description: str | None = None,
        tags: Any = None,
        parallelism_config: Any = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Upload the code, then create the pipeline with its description and tags. Arguments as in the SDK."""
        self.upload_code()
        described = description or self.description_of(self.definition())
        return super().create(role_arn, described, tags or PIPELINE_TAGS, parallelism_config, **options)

    def update(
        self, role_arn: str | None = None, description: str | None = None, parallelism_config: Any = None
    ) -> dict[str, Any]:
        """Upload the code, then update the pipeline and its description. Arguments as in the SDK."""
        self.upload_code()
        described = description or self.description_of(self.definition())
        return super().update(role_arn, described, parallelism_config)

    def upload_code(self) -> bool:
        """Upload the code to the bucket that the steps read; return whether anything was uploaded."""
        return self.code.upload(self.sagemaker_session.boto_session.client("s3"), self.code_bucket)
