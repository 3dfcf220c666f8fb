"""FG-B: baselines of pairs."""

from __future__ import annotations

from typing import Final

from ndr.contract.columns import Column, Dataset
from ndr.contract.datasets.destination import DESTINATION, DIRECTED_BYTES
from ndr.contract.datasets.keys import HORIZON_COLUMNS, SEGMENT
from ndr.contract.datasets.regularity import REGULARITY


def _pair_dataset(name: str, entity: Column, more: tuple[Column, ...] = ()) -> Dataset:
    return Dataset(
        name,
        (entity.name, "dst_ip", "dst_port", "baseline_horizon", "baseline_end"),
        (
            entity,
            *DESTINATION,
            *HORIZON_COLUMNS,
            Column("pair_seen_count", "int64", "flows in the horizon", "flows"),
            Column("allow_cnt", "int64", "of them allowed", "flows"),
            Column("deny_cnt", "int64", "of them denied or dropped", "flows"),
            *DIRECTED_BYTES,
            Column("active_days", "int64", "UTC days with a flow", "days"),
            Column(
                "active_days_mask",
                "int64",
                "bit i: the pair was active i UTC days before the last one summarized",
                "bit mask",
            ),
            Column("published_days", "int64", "UTC days of the horizon with published pair counts", "days"),
            Column("first_seen", "timestamp", "start of the first slice with a flow"),
            Column("last_seen", "timestamp", "start of the last slice with a flow"),
            Column(
                "pair_daily_avg",
                "float64",
                "flows a day of published time",
                "flows a day",
                "96 pair_seen_count / published slices",
            ),
            Column(
                "pair_rarity_score",
                "float64",
                "0 is every day, 1 is one day; 0 where one day is published",
                "share",
                "ln(published_days / active_days) / ln(published_days)",
                source="Spärck Jones 1972",
            ),
            Column(
                "dst_prevalence",
                "float64",
                "how common the destination on the port is among the internal hosts",
                "share",
                "prevalence_hosts_cnt / active_hosts_cnt",
            ),
            Column("prevalence_hosts_cnt", "int64", "internal hosts that contact the destination on the port", "hosts"),
            Column("active_hosts_cnt", "int64", "internal hosts that opened a flow", "hosts"),
            Column(
                "is_rare_pair",
                "bool",
                "few active days, low prevalence and enough hosts to tell",
                formula="active_days, dst_prevalence and active_hosts_cnt against `rarity` of the JobSpec",
            ),
            *more,
        ),
        "baseline_end",
        is_window_end=True,
    )


FG_B_PAIR_HOST: Final = _pair_dataset("pair_host", Column("src_ip", "string", "source of the flows"), REGULARITY)
"""With the regularity of the last seven days of the horizon."""

FG_B_PAIR_SEGMENT: Final = _pair_dataset("pair_segment", SEGMENT)
