"""What a page holds, read back from its HTML."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ndr.report.page import unpacked
from ndr.report.three_digits import decoded

SLOTS = 96


@dataclass(frozen=True)
class Page:
    """The document of a page, and its numbers."""

    document: dict[str, Any]
    numbers: NDArray[np.float64]

    @classmethod
    def of(cls, html: str) -> Page:
        document, codes = (re.search(rf'id="{name}">([^<]*)<', html) for name in ("document", "codes"))
        assert document
        assert codes
        low, high = np.frombuffer(unpacked(codes[1]), np.uint8).astype(np.uint16).reshape(2, -1)
        return cls(json.loads(unpacked(document[1])), decoded(low + 256 * high))

    @property
    def hosts(self) -> dict[str, Any]:
        return dict(self.document["hosts"])

    def drawn(self) -> dict[tuple[str, str, str, str], tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """The values by slot, and the baseline by band, horizon and statistic, of (host, metric, role, window)."""
        shape = tuple(len(self.hosts[name]) for name in ("bands", "horizons", "statistics"))
        found, at = {}, 0
        for place, (host, _, _, drawn, *scored) in enumerate(self.hosts["hosts"]):
            at += SLOTS if scored else 0
            values_of = SLOTS if place < self.hosts["dense"] else SLOTS // self.hosts["every"]
            for number in drawn:
                metric, role, window = self.hosts["series"][number][:3]
                values, baseline = self.numbers[at : at + values_of], self.numbers[at + values_of :][: np.prod(shape)]
                found[host, metric, role, window] = values, baseline.reshape(shape)
                at += values_of + int(np.prod(shape))
        return found
