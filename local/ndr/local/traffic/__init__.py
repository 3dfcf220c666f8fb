"""A synthetic network: Zeek conn logs, a machine inventory, injected attacks and their ground truth."""

from ndr.local.traffic.generate import GeneratedTraffic, generate
from ndr.local.traffic.network import NETWORKS

__all__ = ["NETWORKS", "GeneratedTraffic", "generate"]
