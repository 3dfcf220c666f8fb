"""The template deployed, with small pipelines for the machines to start."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.statemachines.jobspecs import put_documents
from tests.statemachines.pipelines import register
from tests.template import ROOT

from ministack_sagemaker.deploy import deploy
from ministack_sagemaker.lifecycle import Account
from ministack_sagemaker.registry import register_image
from ndr.local.deployment.create import IMAGE

POLLING: Final = {"PollSeconds": "1", "MaxPollSeconds": "4"}


def deploy_small(account: Account, name: str, flags: Path, *projects: str) -> dict[str, str]:
    """Deploy the template for the first of some projects, with the small pipelines and the projects' JobSpecs.

    Returns
    -------
    dict of str to str
        The stack's outputs.
    """
    register_image(account, IMAGE)
    parameters = {**POLLING, "ProjectName": projects[0], "TrafficBucketArns": "arn:aws:s3:::ndr-data"}
    outputs = deploy(account, ROOT / "template.yaml", name, parameters)
    register(account, outputs["DataBucketName"], outputs["PipelineRoleArn"], flags)
    put_documents(account, outputs["JobSpecTableName"], *projects)
    return outputs
