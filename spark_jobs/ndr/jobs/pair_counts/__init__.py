"""Peer deltas into pair counts."""

from ndr.jobs.pair_counts.kernel import build_pair_counts

__all__ = ["build_pair_counts"]
