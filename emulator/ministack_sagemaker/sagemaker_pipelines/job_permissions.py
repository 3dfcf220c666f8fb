"""What the role of a job must allow SageMaker before the job starts: its image, and the network of a VPC.

Nothing is pulled here, and no network interface is made; the role is checked as SageMaker would.

Source: Amazon SageMaker Developer Guide, "How to use SageMaker AI execution roles", CreateProcessingJob API.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ministack_sagemaker.acting_role import NotAllowedError, require
from ministack_sagemaker.sagemaker_pipelines.job_failure import JobFailedError
from ministack_sagemaker.scope import Scope

_PULL: Final = ("BatchCheckLayerAvailability", "GetDownloadUrlForLayer", "BatchGetImage")
_CONNECT: Final = (
    "CreateNetworkInterface",
    "CreateNetworkInterfacePermission",
    "DeleteNetworkInterface",
    "DeleteNetworkInterfacePermission",
)
_SEE: Final = (
    "DescribeNetworkInterfaces",
    "DescribeVpcs",
    "DescribeDhcpOptions",
    "DescribeSubnets",
    "DescribeSecurityGroups",
)


def check_permissions(scope: Scope, request: Mapping[str, Any]) -> None:
    """Check what the role of a job allows.

    Parameters
    ----------
    request
        The arguments of CreateProcessingJob.

    Raises
    ------
    JobFailedError
        The role lacks an action.
    """
    for reason, needed in (
        ("The image can't be pulled", _of_image(request)),
        ("No network", _of_network(scope, request)),
    ):
        try:
            for action, resource in needed:
                require(scope, request["RoleArn"], action, resource)
        except NotAllowedError as error:
            raise JobFailedError(f"ClientError: {reason}: {error}") from error


def _of_image(request: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    image = re.match(r"(\d+)\.dkr\.ecr\.([^.]+)\.[^/]+/([^:@]+)", request["AppSpecification"]["ImageUri"])
    if image:
        yield "ecr:GetAuthorizationToken", "*"
        yield from ((f"ecr:{action}", f"arn:aws:ecr:{image[2]}:{image[1]}:repository/{image[3]}") for action in _PULL)


def _of_network(scope: Scope, request: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    network = (request.get("NetworkConfig") or {}).get("VpcConfig")
    if network:
        yield from ((f"ec2:{action}", "*") for action in _SEE)
        yield from ((f"ec2:{action}", scope.arn("ec2", "network-interface/*")) for action in _CONNECT)
        for subnet in network["Subnets"]:
            yield "ec2:CreateNetworkInterface", scope.arn("ec2", f"subnet/{subnet}")
        for group in network["SecurityGroupIds"]:
            yield "ec2:CreateNetworkInterface", scope.arn("ec2", f"security-group/{group}")
