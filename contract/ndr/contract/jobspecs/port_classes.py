"""Classes of destination ports, each with its transport: udp/23 is not Telnet."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

from ndr.contract.jobspecs.model import SpecModel

TRANSPORTS: Final = ("tcp", "udp", "sctp")
"""The transports that a port can be of."""

_ITEM: Final = re.compile(rf"(?:({'|'.join(TRANSPORTS)})/)?([0-9]{{1,5}})")
_LAST_PORT: Final = 65535


def service_port(item: Any) -> str:
    """Return a port in its canonical text: `tcp/23`, or `23` where it is of any transport.

    Raises
    ------
    ValueError
        It is not a port, with or without one of `TRANSPORTS`.
    """
    found = None if isinstance(item, bool) else _ITEM.fullmatch(str(item).strip().lower())
    if not found or int(found[2]) > _LAST_PORT:
        raise ValueError(
            f"it is not a port; write tcp/23, or 23 for any transport. Transports are {', '.join(TRANSPORTS)}, and "
            f"ports are 0 to {_LAST_PORT}"
        )
    return f"{found[1]}/{int(found[2])}" if found[1] else str(int(found[2]))


ServicePort = Annotated[str, BeforeValidator(service_port)]


def transport_and_port(item: str) -> tuple[str | None, int]:
    """Return the transport of a canonical item, None for any, and the port."""
    transport, _, port = item.rpartition("/")
    return transport or None, int(port)


class PortClasses(SpecModel):
    """Destination ports of each class, as `tcp/23` or, of any transport, `23`.

    A flow whose source does not tell a transport is classed by its port alone. The defaults follow the IANA service
    registry (RFC 6335).
    """

    high_risk: tuple[ServicePort, ...] = (
        "tcp/23", "tcp/135", "tcp/445", "tcp/1433", "tcp/3389", "udp/3389", "tcp/4444", "tcp/5900", "tcp/6667",
    )  # fmt: skip
    admin: tuple[ServicePort, ...] = (
        "tcp/22", "tcp/23", "tcp/3389", "udp/3389", "tcp/5900", "tcp/5985", "tcp/5986",
    )  # fmt: skip
    fileshare: tuple[ServicePort, ...] = (
        "tcp/20", "tcp/21", "udp/69", "tcp/111", "udp/111", "tcp/139", "tcp/445", "tcp/873", "tcp/2049", "udp/2049",
    )  # fmt: skip
    directory: tuple[ServicePort, ...] = (
        "tcp/88", "udp/88", "tcp/389", "udp/389", "tcp/464", "udp/464", "tcp/636", "tcp/3268", "tcp/3269",
    )  # fmt: skip
    db: tuple[ServicePort, ...] = (
        "tcp/1433", "tcp/1521", "tcp/3306", "tcp/5432", "tcp/6379", "tcp/9042", "tcp/9200", "tcp/27017",
    )  # fmt: skip
