"""Removal of the pipelines when their stack is deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3

from ndr.contract.pipelines import PIPELINE_NAMES


@dataclass(frozen=True)
class PipelineRemoval:
    """The outcome for one pipeline.

    Attributes
    ----------
    name : str
        Pipeline name.
    outcome : str
        ``deleted``, ``absent``, or ``left`` with the reason and the command that deletes it anyway.
    """

    name: str
    outcome: str


def remove_pipelines(role_arn: str, region: str, suffix: str = "") -> list[PipelineRemoval]:
    """Delete the pipelines without executions. The others stay, because deleting them deletes their history.

    Parameters
    ----------
    role_arn : str
        Role that the pipelines were registered with. A pipeline with another role belongs to another stack and stays.
    region : str
        AWS region.
    suffix : str
        What the pipelines' names end with in the stack.

    Returns
    -------
    list of PipelineRemoval
        One for each pipeline.
    """
    client = boto3.client("sagemaker", region_name=region)
    names = [f"{name}{suffix}" for name in PIPELINE_NAMES]
    return [PipelineRemoval(name, _remove(client, name, role_arn)) for name in names]


def _remove(client: Any, name: str, role_arn: str) -> str:
    try:
        registered_role = client.describe_pipeline(PipelineName=name)["RoleArn"]
    except client.exceptions.ResourceNotFound:
        return "absent"
    if registered_role != role_arn:
        return f"left: it is registered with the role {registered_role}, so it is another stack's"
    if client.list_pipeline_executions(PipelineName=name, MaxResults=1)["PipelineExecutionSummaries"]:
        return (
            "left: it has executions, whose history would go with it; to delete it all the same: "
            f"aws sagemaker delete-pipeline --pipeline-name {name}"
        )
    client.delete_pipeline(PipelineName=name)
    return "deleted"
