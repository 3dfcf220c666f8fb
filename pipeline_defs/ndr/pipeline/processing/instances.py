"""The instances of the Processing jobs: their volumes and their network, which are the stack's and not a run's."""

from __future__ import annotations

import os

from ndr.contract.errors import InvalidRequestError
from ndr.pipeline.sdk import NetworkConfig

DEFAULT_VOLUME_GB = 30


def volume_size_gb() -> int:
    """Return the size of each instance's volume, in GB.

    It is ``NDR_VOLUME_SIZE_GB`` if that is set when the definition is built, else 30.
    """
    return int(os.environ.get("NDR_VOLUME_SIZE_GB") or DEFAULT_VOLUME_GB)


def network_config() -> NetworkConfig | None:
    """Return the network of the jobs, or None, with which they run outside a VPC and speak to each other in the clear.

    ``NDR_SUBNET_IDS`` and ``NDR_SECURITY_GROUP_IDS`` are lists separated by commas.
    ``NDR_ENCRYPT_INTER_CONTAINER_TRAFFIC`` is ``true`` or ``false``. They are read when the definition is built.

    Raises
    ------
    InvalidRequestError
        Subnets are given without security groups, or the reverse.
    """
    subnets, groups = _listed("NDR_SUBNET_IDS"), _listed("NDR_SECURITY_GROUP_IDS")
    encrypted = os.environ.get("NDR_ENCRYPT_INTER_CONTAINER_TRAFFIC") == "true"
    if bool(subnets) != bool(groups):
        given, absent = ("VpcSubnetIds", "VpcSecurityGroupIds")[:: 1 if subnets else -1]
        raise InvalidRequestError(
            f"{given} is set and {absent} is not, and a job in a VPC needs both: deploy the stack with {absent} too, "
            "or with neither."
        )
    if not subnets and not encrypted:
        return None
    return NetworkConfig(
        security_group_ids=groups or None,
        subnets=subnets or None,
        encrypt_inter_container_traffic=encrypted or None,
    )


def _listed(variable: str) -> list[str]:
    return [name.strip() for name in os.environ.get(variable, "").split(",") if name.strip()]
