"""How regular the flows of a pair are, and how much that tells of a machine that calls by the clock."""

from ndr.jobs.regularity.day_activity import DayActivity
from ndr.jobs.regularity.kernel import PairDays, pair_regularity, regularity
from ndr.jobs.regularity.scores import PairScoreRules, pair_scores

__all__ = ["DayActivity", "PairDays", "PairScoreRules", "pair_regularity", "pair_scores", "regularity"]
