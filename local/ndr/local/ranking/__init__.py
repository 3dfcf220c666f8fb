"""The anomaly ranking of the newest day: hosts by robust z-scores, pairs by rarity and unusual volume.

Hosts
    Each FG-A value of the day is compared with the host's baseline of the same role, time band and window:
    ``z = |x - median| / scale`` with ``scale = 1.4826 * MAD``, the modified z-score of Iglewicz and Hoaglin (How to
    Detect and Handle Outliers, ASQC 1993, where 3.5 is an outlier). A MAD of 0 means that at least half of the values
    are equal; ``IQR / 1.349`` replaces it then (1.349 is the IQR of a standard normal distribution, 1/1.4826 its MAD).
    The scale is at least one event (for bytes 1,500, a full Ethernet frame) and at least 5 % of the median, so that a
    machine with constant values does not deviate by a negligible amount. On cold start (of the metric, or of the host:
    unknown, without full history, non-persistent) the segment's baseline is used. If that is cold too, the value is not
    scored. A host's score is its largest over METRICS and WINDOWS.

Pairs
    Only rare pairs (source, destination, destination port) of the day are ranked. Rare means `is_rare_pair` of the
    newest pair baseline: few active days, and few hosts contact the destination. The pairs of a non-persistent source
    are always only a few days old, so its segment's pair baseline decides. Sessions and bytes of a rare pair's day are
    compared with the usual pair-days, which are those of the baseline's horizon that are not rare: of the source, or of
    its segment if the source has fewer than USUAL_MIN, or of all sources if the segment has too few as well. Sessions
    and bytes of flows are close to lognormal (Downey, Lognormal and Pareto distributions in the Internet, 2005), so z
    is computed of ``ln(1 + x)``, with the same scale and at least ``ln 2``: a factor of two scores at most 1. The score
    is signed, because only an excess is of interest. A pair's score is the larger of the two.

All data is read through the manifests that the jobs published.
"""

from ndr.local.ranking.anomalies import AnomalyRanking, HostAnomaly, PairAnomaly, rank_anomalies
from ndr.local.ranking.hosts import METRICS, WINDOWS
from ndr.local.ranking.pairs import USUAL_MIN

__all__ = ["METRICS", "USUAL_MIN", "WINDOWS", "AnomalyRanking", "HostAnomaly", "PairAnomaly", "rank_anomalies"]
