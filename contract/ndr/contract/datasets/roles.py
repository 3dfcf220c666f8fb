"""The roles of a host in a flow."""

from __future__ import annotations

from typing import Final

OUTBOUND: Final = "outbound"
INBOUND: Final = "inbound"
ROLES: Final = (OUTBOUND, INBOUND)
