"""What stands out of its baseline: hosts by robust z-scores, pairs by rarity and by what their source usually does.

Hosts
    Each FG-A value of the newest published day is held against the host's baseline of the same role, time band and
    window: ``z = |x - median| / scale`` with ``scale = 1.4826 * MAD``, the modified z-score of Iglewicz and Hoaglin
    (How to Detect and Handle Outliers, ASQC 1993; they call 3.5 an outlier). Where the MAD is 0, at least half of the
    values being equal, ``IQR / 1.349`` takes its place (1.349 is the IQR of a standard normal distribution, as 1/1.4826
    is its MAD). No scale is smaller than one event (1,500 bytes, a full Ethernet frame, for bytes) or 5 % of the
    median, so that a machine whose values never change does not stand out by a trifle. On cold start (of the metric,
    or of the host: unknown, without full history, non-persistent) the segment's baseline stands in; where that is cold
    too, the value is not judged. A host's score is its largest, over METRICS and WINDOWS.

Pairs
    A pair (source, destination, destination port) of the day can stand out when it is rare: `is_rare_pair` of the
    newest pair baseline, which means few active days and a destination that few hosts contact. The pairs of a
    non-persistent source are always few days old, so they are judged by its segment's pair baseline. A rare pair's
    sessions and bytes of the day are held against the pair-days of the baseline's horizon that are not rare: those of
    its source, of its source's segment where the source has fewer than USUAL_MIN, of all where that has too few.
    Sessions and bytes of flows are close to lognormal (Downey, Lognormal and Pareto distributions in the Internet,
    2005), so z is taken of ``ln(1 + x)``, with the same scale and ``ln 2`` as the smallest: up to a factor of two is
    nothing. Only more than usual counts. A pair's score is the larger of the two.

Everything is read through manifests from what the jobs published.
"""

from ndr.local.ranking.find import HostStandout, PairStandout, Standouts, find_standouts
from ndr.local.ranking.hosts import METRICS, WINDOWS
from ndr.local.ranking.pairs import USUAL_MIN

__all__ = ["METRICS", "USUAL_MIN", "WINDOWS", "HostStandout", "PairStandout", "Standouts", "find_standouts"]
