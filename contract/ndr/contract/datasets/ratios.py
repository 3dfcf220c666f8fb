"""Metrics of FG-A that are one sum over the window divided by another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ndr.contract.columns import Column


@dataclass(frozen=True, slots=True)
class Ratio:
    """A metric of FG-A that is one sum over the window divided by another; FG-A computes it from this declaration."""

    name: str
    part: str
    whole: str = "sessions_cnt"

    @property
    def column(self) -> Column:
        return Column(self.name, "float64", f"{self.part} as a share", "share", f"{self.part} / {self.whole}")


COUNT_RATIOS: Final = (
    Ratio("deny_ratio", "deny_cnt"),
    Ratio("tcp_ratio", "tcp_cnt"),
    Ratio("udp_ratio", "udp_cnt"),
    Ratio("icmp_ratio", "icmp_cnt"),
    Ratio("syn_only_ratio", "syn_only_cnt"),
)
RATIOS: Final = (
    Column("duration_mean", "float64", "mean duration of a flow", "seconds", "duration_sum / sessions_cnt"),
    Column(
        "bytes_asymmetry_ratio",
        "float64",
        "1 where the host only sent, -1 where it only received",
        "ratio",
        "(bytes_sent_sum - bytes_recv_sum) / (bytes_sent_sum + bytes_recv_sum)",
        null="no byte was sent or received in the window",
    ),
    *(ratio.column for ratio in COUNT_RATIOS),
)
