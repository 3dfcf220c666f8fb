"""FG-C: scores of the pairs."""

from __future__ import annotations

from typing import Final

from ndr.contract.columns import Column, Dataset
from ndr.contract.datasets.destination import DESTINATION
from ndr.contract.datasets.regularity import REGULARITY
from ndr.contract.datasets.statistics import ROBUST

FG_C_PAIRS: Final = Dataset(
    "pairs",
    ("src_ip", "dst_ip", "dst_port", "window_end"),
    (
        Column("src_ip", "string", "source of the flows"),
        *DESTINATION,
        Column("window_end", "timestamp", "end of the 24 hours that are judged, exclusive"),
        Column("sessions_cnt", "int64", "flows in the 24 hours", "flows"),
        Column("bytes", "int64", "bytes both ways in the 24 hours", "bytes"),
        Column("is_new", "bool", "in none of the valid baselines", null="no baseline is valid"),
        Column("is_rare", "bool", "the baseline calls it rare, or it is new and few hosts contact the destination"),
        Column("is_regular", "bool", "the pair calls by the clock", formula="regularity >= 0.5"),
        Column("is_well_known", "bool", "a service that hosts call by the clock, such as DNS, at a common destination"),
        Column("active_days", "int64", "days with a flow in the baseline; 0 where the pair is new", "days"),
        Column(
            "dst_prevalence",
            "float64",
            "how common the destination on the port is among the internal hosts",
            "share",
            "prevalence_hosts_cnt / active_hosts_cnt of the baseline",
            "no baseline is valid, or no internal host opened a flow in it",
        ),
        *REGULARITY,
        Column(
            "regularity",
            "float64",
            "the larger one of the 24 hours and of the baseline's seven days",
            "share",
            "ln n / ln P times the better one of even gaps and repeated pattern",
        ),
        Column(
            "spread",
            "float64",
            "1 where no other host contacts the destination, 0 where all do",
            "share",
            "1 - ln(1 + h) / ln(1 + H)",
            source="Spärck Jones 1972",
        ),
        Column("novelty", "float64", "1 where the pair is new or no baseline is valid, else its rarity", "share"),
        Column(
            "volume",
            "float64",
            "how unusual the bytes that the source sent are among the pairs of the 24 hours",
            "share",
            "(z - 2) / 6 of ln of the sent bytes, within [0, 1]",
            source=ROBUST,
        ),
        Column(
            "score",
            "float64",
            "how much the pair deserves a look",
            "share",
            "spread novelty (1 - (1 - regularity) (1 - volume))",
            source="noisy or, Pearl 1988",
        ),
        Column("sentence", "string", "the finding in words"),
    ),
    "window_end",
    is_window_end=True,
)
