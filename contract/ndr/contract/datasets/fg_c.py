"""FG-C: the tables of the scores, and who judges."""

from __future__ import annotations

from typing import Final

FG_C: Final = "fg_c"
"""The dataset of the scores: partitions of a day or of a part of one, with FG_C_PARTS as their tables."""

FG_C_PARTS: Final = ("scores", "hosts", "pairs")

JUDGES: Final = ("host", "segment", "network", "none")
"""The baselines that can judge a value, the first one with enough support; none says that no one has."""

DISCOUNTED_BY: Final = ("none", "segment", "network", "clients")
"""Who is unusual in a metric at the same time, so that a contribution is discounted: hosts of the segment, hosts of the
network, or, where a server is contacted, the hosts that open flows."""
