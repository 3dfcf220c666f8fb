"""The resource that a request to one of the added services is authorized on."""

from __future__ import annotations

import json
from typing import Any

from ndr.local.account.scope import Scope


def resource_arn_of(service: str, body: bytes, region: str, account_id: str) -> str | None:
    """ARN of the resource that a request names.

    Parameters
    ----------
    service
        The service's name in botocore.
    body
        The request.
    region, account_id
        Where the request acts.

    Returns
    -------
    str or None
        None when the service is not one of this package's, or the action has no resource.
    """
    find = {"sagemaker": _sagemaker, "redshift-data": _redshift}.get(service)
    if find is None:
        return None
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return None
    return find(request, Scope(account_id, region)) if isinstance(request, dict) else None


def _sagemaker(request: dict[str, Any], scope: Scope) -> str | None:
    for member in ("PipelineExecutionArn", "ResourceArn"):
        if member in request:
            return str(request[member])
    if "ProcessingJobName" in request:
        return scope.arn("sagemaker", f"processing-job/{request['ProcessingJobName']}")
    name = request.get("PipelineName")
    if name is None:
        return None
    return str(name) if str(name).startswith("arn:") else scope.arn("sagemaker", f"pipeline/{name}")


def _redshift(request: dict[str, Any], scope: Scope) -> str | None:
    if "ClusterIdentifier" in request:
        return scope.arn("redshift", f"cluster:{request['ClusterIdentifier']}")
    if "WorkgroupName" in request:
        return scope.arn("redshift-serverless", f"workgroup/{request['WorkgroupName']}")
    return None
