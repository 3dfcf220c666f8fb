"""Processing steps, each of which runs an entry script of the code bundle."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ndr.pipeline.bundle.code import CodeBundle
from ndr.pipeline.processing.environment import job_environment, kms_key_arn
from ndr.pipeline.processing.instances import network_config, volume_size_gb
from ndr.pipeline.processing.retry_policies import step_retry_policies
from ndr.pipeline.sdk import (
    Parameter,
    ParameterInteger,
    ParameterString,
    PipelineSession,
    ProcessingStep,
    ScriptProcessor,
    default_region,
)


class BundleScriptProcessor(ScriptProcessor):
    """A script processor that mounts the whole folder of its script.

    The SDK's ``ScriptProcessor.run(code=...)`` mounts a single file. It uploads a local file under a hash of that file
    alone, so a change in an imported module would not change the definition. It mounts a file in S3 without its folder.
    Given ``s3://bucket/code/<digest>/run_x.py``, this class mounts ``s3://bucket/code/<digest>/`` at the usual path,
    ``/opt/ml/processing/input/code``.
    """

    def _handle_user_code_url(self, code: str, kms_key: str | None = None) -> str:
        return f"{code.rpartition('/')[0]}/"


@dataclass(frozen=True)
class ProcessingJobs:
    """The processor that all steps of a pipeline share, and the code bundle with their scripts."""

    processor: ScriptProcessor
    code: CodeBundle
    code_bucket: str
    region: str

    @classmethod
    def on(
        cls,
        session: PipelineSession,
        code: CodeBundle,
        code_bucket: str,
        role_arn: str,
        image_uri: ParameterString,
        instance_type: ParameterString,
        instance_count: ParameterInteger,
    ) -> ProcessingJobs:
        """Create the shared processor. Image and instances are pipeline parameters, volume and network the stack's."""
        region = session.boto_region_name
        processor = BundleScriptProcessor(
            role=role_arn,
            image_uri=image_uri,
            command=["python3"],
            instance_type=instance_type,
            instance_count=instance_count,
            volume_size_in_gb=volume_size_gb(),
            volume_kms_key=kms_key_arn(),
            network_config=network_config(),
            base_job_name="ndr",
            sagemaker_session=session,
            env=job_environment(role_arn, region, code.digest),
        )
        return cls(processor, code, code_bucket, region)

    def step(
        self,
        name: str,
        script: str,
        arguments: Sequence[str | Parameter],
        after: Sequence[ProcessingStep] = (),
    ) -> ProcessingStep:
        """Return a step that runs an entry script.

        Parameters
        ----------
        name : str
            Step name.
        script : str
            Entry script, such as ``run_fg_b_builder.py``.
        arguments : sequence of str and Parameter
            The script's command line.
        after : sequence of ProcessingStep
            Steps that must succeed before this one starts.

        Raises
        ------
        FileNotFoundError
            The code bundle has no such script.
        """
        script_uri = self.code.script_uri(self.code_bucket, script)
        with default_region(self.region), warnings.catch_warnings():
            # The SDK warns at each run() that no job starts, which is intended here.
            warnings.filterwarnings("ignore", "Running within a PipelineSession", UserWarning)
            run: Any = self.processor.run(code=script_uri, arguments=list(arguments))
            return ProcessingStep(
                name=name, step_args=run, depends_on=list(after) or None, retry_policies=step_retry_policies()
            )
