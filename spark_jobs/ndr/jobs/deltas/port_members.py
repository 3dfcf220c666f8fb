"""Which flows are to a port of a class: by transport and destination port, one lookup a flow."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from ndr.contract.datasets import PORT_CLASSES
from ndr.contract.jobspecs.port_classes import TRANSPORTS, PortClasses, transport_and_port

PORTS: Final = 65536
OTHER: Final = len(TRANSPORTS)
UNKNOWN: Final = OTHER + 1


def transport_code(word: str | None) -> int:
    """Return the place of a transport in `TRANSPORTS`, `OTHER`, or `UNKNOWN` where the source tells none."""
    if not word:
        return UNKNOWN
    return TRANSPORTS.index(word) if word in TRANSPORTS else OTHER


def port_flags(transport: np.ndarray, port: np.ndarray, classes: PortClasses) -> dict[str, np.ndarray]:
    """Return for each class, by name, which flows are to one of its ports.

    Parameters
    ----------
    transport, port : arrays of (flows,)
        Codes of `transport_code`, and destination ports.
    """
    bits = _class_bits(classes).take(transport.astype(np.int64) * PORTS + port)
    return {name: (bits >> bit & 1).astype(bool) for bit, name in enumerate(PORT_CLASSES)}


@lru_cache(maxsize=8)
def _class_bits(classes: PortClasses) -> np.ndarray:
    """Return the classes of each transport and port: bit i is set for class i, at code * PORTS + port."""
    bits = np.zeros((UNKNOWN + 1, PORTS), np.uint8)
    for bit, name in enumerate(PORT_CLASSES):
        for transport, port in map(transport_and_port, getattr(classes, name)):
            # A flow without a transport may be of the one that the class names.
            rows = slice(None) if transport is None else [TRANSPORTS.index(transport), UNKNOWN]
            bits[rows, port] |= np.uint8(1 << bit)
    return bits.ravel()
