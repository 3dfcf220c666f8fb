"""The pages of the hosts as a document, and their numbers as codes of three digits.

The codes follow each other: of each host its scores by slot (96; none where nothing is scored), then of each of its
series the values (of every slot for the first DENSE hosts, of each fourth slot for the others) and its baseline by
band, horizon and statistic. Of each segment follow the baselines of its series. The script of the page reads them in
the same order. So a page of 1,000 hosts stays below 3 MB, whatever their values are.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ndr.contract.datasets import FG_A_METRICS
from ndr.contract.horizons import HORIZONS
from ndr.contract.time import SLICE, SLICES_PER_DAY
from ndr.report.collect import HostPages
from ndr.report.host_series import STATISTICS, Series
from ndr.report.ranking import HostDay, PairDay
from ndr.report.three_digits import NULL, encoded

DENSE: Final = 250
"""How many hosts, by their scores, have a value for each quarter of an hour; the others have one for each hour."""
EVERY: Final = 4
"""Which slots the others have: those that end a whole number of hours before the end of the day."""
SENTENCES_OF_PAIRS: Final = 100
"""How many pairs have their sentence; a table shows the others."""
_UNITS: Final = {column.name: column.unit for column in FG_A_METRICS}
_MEANINGS: Final = {column.name: column.meaning for column in FG_A_METRICS}


def shaped_hosts(pages: HostPages) -> tuple[dict[str, Any], NDArray[np.uint16]]:
    """Return the document and the codes."""
    series = list(dict.fromkeys(each for of_host in pages.values.values() for each in of_host))
    series = sorted({*series, *(each for of in pages.of_hosts.of.values() for each in of)}, key=_order)
    place, of_page = {each: number for number, each in enumerate(series)}, set(pages.hosts)
    segments = sorted({pages.segments[host] for host in pages.hosts})
    scored = {each.host_ip: each for each in pages.scored or ()}
    codes: list[NDArray[np.uint16]] = []
    hosts = []
    for number, host in enumerate(pages.hosts):
        of_host = scored.get(host)
        drawn = [each for each in series if _is_drawn(pages, host, each)]
        codes += _host_codes(pages, host, of_host, drawn, 1 if number < DENSE else EVERY)
        row = [host, pages.names.get(host), segments.index(pages.segments[host]), [place[each] for each in drawn]]
        hosts.append([*row, _scored(of_host, pages)] if of_host else row)
    of_segments = []
    for segment in segments:
        known = pages.of_segments.of.get(segment, {})
        drawn = [each for each in series if each in known]
        codes += [encoded(known[each]).ravel() for each in drawn]
        of_segments.append([segment, [place[each] for each in drawn]])
    document = {
        "day": [pages.day.start, pages.day.end],
        "is_scored": pages.scored is not None,
        "hosts_scored": len(pages.scored or ()),
        "hosts_seen": pages.hosts_seen,
        "dense": DENSE,
        "every": EVERY,
        "pairs_scored": pages.pairs_scored,
        "findings": [sum(each.is_finding for each in pages.scored or ()), pages.pair_findings],
        "suppressed": [[each.name, each.owner, each.reason, each.expires, each.findings] for each in pages.suppressed],
        "horizons": list(HORIZONS),
        "statistics": list(STATISTICS),
        "baselines": {
            horizon: [each.manifest.summarized.start, each.manifest.summarized.end, each.manifest.end]
            for horizon, each in pages.baselines.items()
        },
        "bands": list(pages.bands),
        "band_of_slot": [list(pages.bands).index(band) for band in pages.band_of_slot],
        "series": [[*each, _UNITS.get(each.metric, ""), _MEANINGS.get(each.metric, "")] for each in series],
        "hosts": hosts,
        "segments": of_segments,
        "pairs": [
            _pair(pair, pages, number)
            for number, pair in enumerate(pages.pairs)
            if number < SENTENCES_OF_PAIRS or pair.src_ip in of_page
        ],
    }
    return document, np.concatenate(codes) if codes else np.zeros(0, np.uint16)


def _order(series: Series) -> tuple[bool, str, str, int]:
    return (series.role != "outbound", series.metric, series.window, len(series.window))


def _is_drawn(pages: HostPages, host: str, series: Series) -> bool:
    return series in pages.values.get(host, {}) or (series.window == "1h" and series in pages.of_hosts.of.get(host, {}))


def _host_codes(
    pages: HostPages, host: str, scored: HostDay | None, drawn: Iterable[Series], every: int
) -> list[NDArray[np.uint16]]:
    shape = (len(pages.bands), len(HORIZONS), len(STATISTICS))
    codes = [encoded(scored.scores)] if scored else []
    for series in drawn:
        # A host without any row in the day had no session in it.
        values = pages.values.get(host, {}).get(series)
        shown = np.zeros(SLICES_PER_DAY) if values is None else values
        codes.append(encoded(shown[every - 1 :: every]))
        baseline = pages.of_hosts.of.get(host, {}).get(series)
        codes.append(encoded(baseline).ravel() if baseline is not None else np.full(shape, NULL, np.uint16).ravel())
    return codes


def _scored(host: HostDay, pages: HostPages) -> list[Any]:
    reasons = [
        [
            each["metric"], each["role"], each["window_label"], each["baseline_horizon"], each["judged_by"],
            *(_rounded(each[name]) for name in ("value", "usual", "factor", "contribution")),
        ]
        for each in host.reasons
    ]  # fmt: skip
    slot = (host.window_end - pages.day.start) // SLICE - 1
    return [_rounded(host.score), slot, _rounded(host.p_value), host.judged_by, host.sentence, reasons,
            _runs(host.silent), int(host.is_finding)]  # fmt: skip


def _runs(flags: NDArray[np.bool_]) -> list[list[int]]:
    """Return the first and the last slot of each run of set flags."""
    runs = []
    for is_set, run in groupby(range(len(flags)), lambda slot: bool(flags[slot])):
        slots = list(run)
        if is_set:
            runs.append([slots[0], slots[-1]])
    return runs


def _pair(pair: PairDay, pages: HostPages, number: int) -> list[Any]:
    flags = [name for name in ("new", "rare", "regular", "well_known") if getattr(pair, f"is_{name}")]
    slot = (pair.window_end - pages.day.start) // SLICE - 1
    sentence = pair.sentence if number < SENTENCES_OF_PAIRS else None
    return [
        pair.src_ip, pair.dst_ip, pair.dst_port, slot, _rounded(pair.score), pair.sessions_cnt, pair.bytes,
        " ".join(flags), pair.active_days, _rounded(pair.dst_prevalence), _rounded(pair.regularity), sentence,
        int(pair.is_finding),
    ]  # fmt: skip


def _rounded(value: float | None) -> float | int | None:
    """Return a number with four digits, as many as the page shows at most."""
    if value is None:
        return None
    short = float(f"{value:.4g}")
    return int(short) if short == int(short) and abs(short) < 1e15 else short
