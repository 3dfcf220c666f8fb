"""A report of a thousand hosts, as many numbers and texts as a real one has, made from a seed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from ndr.contract.horizons import HORIZONS
from ndr.contract.jobspecs.calendar import Calendar
from ndr.contract.manifest import RowAccount
from ndr.contract.time import DAY, SLICE, Interval
from ndr.report.backfill import BaselineState
from ndr.report.collect import Collected, HostPages
from ndr.report.coverage import BaselineEnd, DayCoverage
from ndr.report.delivery import Delivery
from ndr.report.executions import Execution
from ndr.report.files import TableFiles
from ndr.report.host_series import STANDARD, Baselines, Series
from ndr.report.quarantine import Quarantine, QuarantinedRows
from ndr.report.ranking import HostDay, PairDay
from ndr.report.spans import Span

DAY_SHOWN = Interval(datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
PERIOD = Interval(DAY_SHOWN.end - 35 * DAY, DAY_SHOWN.end)
HOSTS = 1000
PAIRS = 12


def thousand_hosts(seed: int = 7) -> Collected:
    """Every host is active round the clock in both roles, has five reasons, and twelve pairs."""
    rng = np.random.default_rng(seed)
    hosts = [f"10.{number // 250}.{number % 250}.{rng.integers(1, 255)}" for number in range(HOSTS)]
    extra = [
        Series(metric, "outbound", window) for metric in ("syn_only_cnt", "new_peer_cnt") for window in ("8h", "24h")
    ]
    bands = Calendar().band_names
    shape = (len(bands), len(HORIZONS), 2)
    segments = {host: host.rpartition(".")[0] + ".0/24" for host in hosts}
    baselines = Baselines({host: {each: rng.lognormal(8, 3, shape) for each in STANDARD} for host in hosts})
    pages = HostPages(
        day=DAY_SHOWN,
        scored=[_scored(host, rng, HOSTS - place) for place, host in enumerate(hosts)],
        hosts=hosts,
        hosts_seen=HOSTS,
        names={host: f"WS-{number:04}" for number, host in enumerate(hosts)},
        segments=segments,
        bands=bands,
        band_of_slot=[bands[2]] * 32 + [bands[0]] * 64,
        values={
            host: {each: _values(each, rng) for each in (*STANDARD, *(extra if place < 100 else ()))}
            for place, host in enumerate(hosts)
        },
        of_hosts=baselines,
        of_segments=Baselines(
            {name: {each: rng.lognormal(8, 3, shape) for each in STANDARD} for name in sorted(set(segments.values()))}
        ),
        pairs=sorted((_pair(host, rng) for host in hosts for _ in range(PAIRS)), key=lambda pair: -pair.score),
        pairs_scored=HOSTS * PAIRS,
        pair_findings=HOSTS,
        baselines={},
    )  # fmt: skip
    return Collected(
        project_name="ndr-large",
        feature_spec_version="v1",
        generated_at=DAY_SHOWN.end,
        period=PERIOD,
        time_zone="UTC",
        pages=pages,
        coverage={name: _coverage(rng) for name in ("deltas", "fg_a", "pair_counts", "fg_c")},
        baseline_ends={"7d": [BaselineEnd(day.end, 1.0) for day in PERIOD.steps(DAY)], "30d": []},
        inventory=[],
        quarantine=Quarantine(
            RowAccount(rows_in=1000, rows_used=990, rows_quarantined=10),
            [QuarantinedRows(f"word {place}", 1, 1, f"word {place}: why", "part-0.json", place) for place in range(10)],
            10,
        ),
        lineages=[],
        stale=[],
        files=[TableFiles(f"table {number}", 35, 70, 10**6, 10**9, 10**7) for number in range(20)],
        deliveries=[_delivery(interval, rng) for interval in PERIOD.steps(SLICE)],
        executions=[_execution(number) for number in range(100)],
        grid=[
            BaselineState("7d", day.end, ["completed", "failed", "in_progress"][place % 3], "a reason")
            for place, day in enumerate(PERIOD.steps(DAY))
        ],
    )  # fmt: skip


def _values(series: Series, rng: np.random.Generator) -> np.ndarray:
    """A day without a quiet hour: bytes over four decades, or counts of a busy host."""
    size = rng.lognormal(8 if "bytes" in series.metric else 2.5, 1)
    busy = size * rng.lognormal(0, 1.5, 96)
    return np.floor(busy) if "bytes" in series.metric else rng.poisson(busy).astype(np.float64)


def _scored(host: str, rng: np.random.Generator, score: int) -> HostDay:
    metrics = ("bytes_sent_sum", "bytes_recv_sum", "sessions_cnt", "peer_ip_nunique", "deny_cnt")
    parts = np.sort(rng.dirichlet(np.ones(5)))[::-1] * score / 50
    same = {"role": "outbound", "window_label": "1h", "baseline_horizon": "7d", "judged_by": "host", "usual": 1.0}
    reasons = [
        {**same, "metric": metric, "value": 10.0 * part, "factor": 10.0 * part, "contribution": float(part)}
        for metric, part in zip(metrics, parts, strict=True)
    ]
    clauses = [
        f"{metric} (outbound, 1h) {rng.integers(10**6)}, 9 times the usual {rng.integers(10**6)} by its own 7d baseline"
        for metric in metrics
    ]
    scores = np.where(rng.random(96) < 0.4, rng.random(96) * score / 50, 0)
    scores[40] = score / 50
    sentence = "; ".join(clauses) + "."
    at = DAY_SHOWN.start + 41 * SLICE
    return HostDay(host, score / 50, at, 0.001, "host", sentence, reasons, score > 500, scores, rng.random(96) < 0.05)


def _pair(host: str, rng: np.random.Generator) -> PairDay:
    address = f"198.51.{rng.integers(100)}.{rng.integers(255)}"
    return PairDay(
        src_ip=host,
        dst_ip=address,
        dst_port=443,
        window_end=DAY_SHOWN.end,
        score=float(rng.random()),
        sessions_cnt=int(rng.integers(1, 500)),
        bytes=int(rng.integers(10**9)),
        is_new=True,
        is_rare=True,
        is_regular=False,
        is_well_known=False,
        is_finding=bool(rng.random() < 0.1),
        active_days=0,
        dst_prevalence=0.01,
        regularity=float(rng.random()),
        sentence=f"{host} to {address} port 443: new; 18 flows and 3.73 GB in 24 hours.",
    )


def _coverage(rng: np.random.Generator) -> list[DayCoverage]:
    return [DayCoverage(day.start, float(rng.choice([0, 0.5, 1])), 96) for day in PERIOD.steps(DAY)]


def _delivery(interval: Interval, rng: np.random.Generator) -> Delivery:
    delivered = interval.end + timedelta(seconds=20)
    return Delivery(interval, 1, 10**6, delivered, delivered + timedelta(seconds=float(rng.integers(60, 900))))


def _execution(number: int) -> Execution:
    start = DAY_SHOWN.end - (number + 1) * SLICE
    is_bad = number % 10 == 0
    status = "FAILED" if is_bad else "SUCCEEDED"
    spans = tuple(
        Span("state", "e", "run_pipeline", f"State{place}", start, start + timedelta(minutes=5), status, 300.0, 1)
        for place in range(20)
    )
    failure = "PipelineFailedError: the step FGABuilderStep failed." if is_bad else None
    end = start + timedelta(minutes=5)
    return Execution("mini_batch", f"e{number}", f"arn:{number}", status, start, end, "{}", 12, 1, failure, spans)
