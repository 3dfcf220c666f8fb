"""A small office's network traffic, generated: Zeek conn logs, an inventory, and what was planted in them."""

from ndr.local.traffic.generate import GeneratedTraffic, generate
from ndr.local.traffic.office import NETWORKS

__all__ = ["NETWORKS", "GeneratedTraffic", "generate"]
