"""The resource and the condition keys with which a request to an added service, or to Glue, is authorized."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Mapping
from typing import Any

from ministack_sagemaker.scope import Scope


def resource_arn_of(service: str, body: bytes, region: str, account_id: str) -> str | None:
    """Return the ARN of the resource that a request names.

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
        None if the service is not one of these, or the action has no resource.
    """
    if service not in ("sagemaker", "redshift-data", "glue"):
        return None
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return None
    return resource_arn_of_call(service, request, Scope(account_id, region)) if isinstance(request, dict) else None


def resource_arn_of_call(service: str, request: Mapping[str, Any], scope: Scope) -> str | None:
    """Return the ARN of the resource that a call to an added service, Glue, DynamoDB or SNS names."""
    known = {"sagemaker": _sagemaker, "redshift-data": _redshift, "glue": _glue, "dynamodb": _dynamodb, "sns": _sns}
    find = known.get(service)
    return None if find is None else find(request, scope)


def event_buses(request: Mapping[str, Any], scope: Scope) -> list[str]:
    """Return the ARN of each event bus that a PutEvents names; an entry without one is for the default bus."""
    names = {str(entry.get("EventBusName") or "default") for entry in request.get("Entries", [])}
    return sorted(name if name.startswith("arn:") else scope.arn("events", f"event-bus/{name}") for name in names)


def conditions_of(service: str, body: bytes, parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return condition keys that MiniStack lacks: the owner of a Redshift statement, the namespace of metrics."""
    if service == "redshift-data":
        from ministack_sagemaker.redshift_data.owners import owner_of

        owner = owner_of(str(json.loads(body or b"{}").get("Id")))
        return {} if owner is None else {"redshift-data:statement-owner-iam-userid": owner}
    if service == "monitoring":
        sent = parameters.get("Namespace") or urllib.parse.parse_qs(body.decode(errors="replace")).get("Namespace")
        namespace = sent[0] if isinstance(sent, list) else sent
        return {} if not namespace else {"cloudwatch:namespace": str(namespace)}
    return {}


def _sagemaker(request: Mapping[str, Any], scope: Scope) -> str | None:
    for member in ("PipelineExecutionArn", "ResourceArn"):
        if member in request:
            return str(request[member])
    if "ProcessingJobName" in request:
        return scope.arn("sagemaker", f"processing-job/{request['ProcessingJobName']}")
    name = request.get("PipelineName")
    if name is None:
        return None
    return str(name) if str(name).startswith("arn:") else scope.arn("sagemaker", f"pipeline/{name}")


def _redshift(request: Mapping[str, Any], scope: Scope) -> str | None:
    if "ClusterIdentifier" in request:
        return scope.arn("redshift", f"cluster:{request['ClusterIdentifier']}")
    if "WorkgroupName" in request:
        return scope.arn("redshift-serverless", f"workgroup/{request['WorkgroupName']}")
    return None


def _glue(request: Mapping[str, Any], scope: Scope) -> str | None:
    """Return the innermost resource; AWS asks for the catalog, and for the database of a table, besides."""
    table = request.get("Name") or request.get("TableInput", {}).get("Name")
    if "DatabaseName" in request and table:
        return scope.arn("glue", f"table/{request['DatabaseName']}/{table}")
    database = request.get("DatabaseName") or request.get("Name") or request.get("DatabaseInput", {}).get("Name")
    return scope.arn("glue", f"database/{database}") if database else None


def _dynamodb(request: Mapping[str, Any], scope: Scope) -> str | None:
    return scope.arn("dynamodb", f"table/{request['TableName']}")


def _sns(request: Mapping[str, Any], scope: Scope) -> str | None:
    return str(request["TopicArn"])
