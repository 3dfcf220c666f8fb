"""Metrics of FG-A over the peers of a host."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ndr.contract.columns import Column, Unit, family

PEER_DIMENSIONS: Final = ("peer_ip", "peer_port", "peer_segment")
_PEER_UNITS: Final[dict[str, Unit]] = {"peer_ip": "peers", "peer_port": "ports", "peer_segment": "segments"}


def peer_metrics() -> tuple[Column, ...]:
    """n_i are the sessions of value i, N those of all; b_i and B the bytes both ways."""
    nunique = Column("nunique", "int64", "distinct values in the window")
    others = (
        Column(
            "entropy",
            "float64",
            "Shannon entropy of the sessions over the values",
            "bits",
            "log2 N - (sum of n_i log2 n_i) / N, for n_i of N sessions with value i",
            source="Shannon 1948",
        ),
        Column(
            "top1_sessions_share",
            "float64",
            "share of the sessions that the value with most sessions has",
            "share",
            "max n_i / N",
        ),
        Column(
            "top1_bytes_share",
            "float64",
            "share of the bytes both ways that the value with most bytes has",
            "share",
            "max b_i / B, for b_i of B bytes with value i",
            null="no byte was sent or received in the window",
        ),
    )
    return tuple(
        replace(each, name=f"{dimension}_{each.name}", meaning=f"{dimension}: {each.meaning}")
        for dimension in PEER_DIMENSIONS
        for each in (replace(nunique, unit=_PEER_UNITS[dimension]), *others)
    )


PEER_CLASSES: Final = (
    *family(
        "int64",
        [
            ("admin_peer_cnt", "distinct peers with a flow to an admin port"),
            ("high_risk_peer_cnt", "distinct peers with a flow to a high-risk port"),
        ],
        unit="peers",
    ),
    Column("high_risk_port_cnt", "int64", "distinct high-risk ports", "ports"),
    Column(
        "high_risk_segment_sessions_cnt",
        "int64",
        "flows with peers in the high-risk networks of the JobSpec `networks`",
        "flows",
    ),
)
