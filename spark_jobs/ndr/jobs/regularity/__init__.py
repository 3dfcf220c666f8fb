"""How regular the flows of a pair are, and how much that tells of a machine that calls by the clock."""

from ndr.jobs.regularity.kernel import PairSlices, pair_regularity, regularity
from ndr.jobs.regularity.scores import PairScoreRules, pair_scores

__all__ = ["PairScoreRules", "PairSlices", "pair_regularity", "pair_scores", "regularity"]
