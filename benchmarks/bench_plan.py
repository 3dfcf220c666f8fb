"""What plan_run costs: CPU seconds, requests and memory of its longest plans, each in a fresh process.

The planner reads a bucket of a year's keys over HTTP and the ledger of the embedded account, both of which run in other
processes, so that the CPU seconds are those of the function. There is no TLS. A year is 365 days of baseline ends and
the 30 days before, of both horizons daily. In `compacted` all days but the last are one partition each, as when LATE
runs, and the slices of the two days before are not swept yet; in `slices` each 15 minutes are one. Prints one JSON line
a plan, with its share of what it may cost, and last what the function needs. The exit status is 1 when a plan is above
its limit.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from tests.planning.account import KEYS, create_table, daily_jobspecs, project_prefixes
from tests.planning.bucket import MODIFIED, Bucket
from tests.planning.history import History

from ministack_sagemaker.lifecycle import down, up
from ndr.contract.horizons import HORIZONS
from ndr.contract.jobspecs.table import put_jobspec
from ndr.contract.ledger import ledger_item, ledger_key
from ndr.contract.time import DAY, Interval, format_instant, parse_instant
from ndr.planner.clients import planner_session

END = parse_instant("2026-12-31")
NOW = END + timedelta(hours=1)
DAYS = Interval(END - 395 * DAY, END)
YEAR = {"mode": "BACKFILL", "start": format_instant(END - 365 * DAY), "end": format_instant(END)}
SINCE_2020 = {**YEAR, "start": "2020-01-01"}
LATE = {"mode": "LATE"}
LIMIT_S3_REQUESTS = 400
FUNCTION = {
    "NDR_JOBSPEC_TABLE": "jobspecs",
    "NDR_LEDGER_TABLE": "ledger",
    "DEFAULT_PROJECT_NAME": "ndr-prod",
    "DEFAULT_FEATURE_SPEC_VERSION": "v1",
    "BATCH_SETTLE_MINUTES": "0",
}


@dataclass(frozen=True)
class Case:
    """A request, and what its plan may cost; None where nothing is promised."""

    name: str
    request: Mapping[str, Any]
    limit_cpu_s: float | None
    limit_s3_requests: int | None = None


CASES = {
    "compacted": (
        Case("a year", YEAR, 10, LIMIT_S3_REQUESTS),
        Case("a year, fill_upstream", {**YEAR, "fill_upstream": True, "dry_run": True}, 10, LIMIT_S3_REQUESTS),
        Case("since 2020", SINCE_2020, 10, LIMIT_S3_REQUESTS),
        Case("nothing late", LATE, 2),
    ),
    "compacted, a week late": (Case("a week late", LATE, 5),),
    "slices": (
        Case("a year", {**YEAR, "dry_run": True}, 10, LIMIT_S3_REQUESTS),
        Case("a year, fill_upstream", {**YEAR, "fill_upstream": True, "dry_run": True}, 10, LIMIT_S3_REQUESTS),
        Case("nothing late", LATE, None),
    ),
}


def history(layout: str) -> History:
    """Return the year in a layout, with the baselines of its last week."""
    compacted_until = END - DAY if layout.startswith("compacted") else DAYS.start
    made = History(DAYS, compacted_until, END - 10 * DAY, project_prefixes())
    if layout.startswith("compacted"):
        made.keep_slices(Interval(END - 3 * DAY, END - DAY), parse_instant(MODIFIED) - DAY)
    for horizon in HORIZONS:
        made.put_baselines(horizon, week())
    if layout.endswith("late"):
        made.deliver(Interval(NOW - 7 * DAY, END), "part-1.json.gz")
    return made


def week() -> list[Any]:
    """Return the ends of the baselines that are completed."""
    return [END - number * DAY for number in range(7)]


@contextmanager
def served(bucket: Bucket) -> Iterator[str]:
    """Serve a bucket over HTTP and yield its address."""
    lock = Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with lock:
                status, body = bucket.answer(f"http://bucket{self.path}")
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def make_tables() -> None:
    """Create the tables of the embedded account: JobSpecs, and a ledger that has a week's baselines."""
    dynamodb = planner_session().resource("dynamodb")
    tables = {name: create_table(dynamodb, name, *keys) for name, keys in KEYS.items()}
    for spec in daily_jobspecs().values():
        put_jobspec(tables["jobspecs"], spec)
    for horizon in HORIZONS:
        for end in week():
            key = ledger_key("ndr-prod", "v1", "fg_b", horizon, end)
            tables["ledger"].put_item(Item=ledger_item(key, "completed", claimed_at=format_instant(end)))


def run(case: Case, bucket: Bucket, address: str) -> dict[str, Any]:
    """Plan a case in a fresh process; return what it cost, as it says itself and as the bucket counted."""
    bucket.requests.clear()
    ran = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("bench_plan_run.py")), json.dumps(case.request), NOW.isoformat()],
        env=os.environ | FUNCTION | {"AWS_ENDPOINT_URL_S3": address},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=600,
    )
    return {**json.loads(ran.stdout), "s3_lists": bucket.requests["list"], "s3_gets": bucket.requests["get"]}


def line(layout: str, case: Case, found: dict[str, Any]) -> dict[str, Any]:
    """Return a case's line: its figures, and their shares of the limits."""
    requests = found["s3_lists"] + found["s3_gets"]
    shares = {}
    if case.limit_cpu_s:
        shares |= {"limit_cpu_s": case.limit_cpu_s, "cpu_share": round(found["cpu_s"] / case.limit_cpu_s, 3)}
    if case.limit_s3_requests:
        limit = case.limit_s3_requests
        shares |= {"limit_s3_requests": limit, "s3_share": round(requests / limit, 3)}
    return {"bench": "plan", "layout": layout, "plan": case.name, **found, "s3_requests": requests, **shares}


def main() -> int:
    """Measure, print, and say by the exit status whether every plan is within its limits."""
    lines = []
    with tempfile.TemporaryDirectory() as temporary:
        account = up(Path(temporary), auth=False, end_with_parent=True)
        try:
            os.environ.update(account.environment())
            make_tables()
            for layout, cases in CASES.items():
                bucket = history(layout).bucket()
                with served(bucket) as address:
                    for case in cases:
                        lines.append(line(layout, case, run(case, bucket, address)))
                        print(json.dumps(lines[-1]), flush=True)
        finally:
            down(Path(temporary))
    need = {name: max(each[name] for each in lines) for name in ("cpu_s", "peak_mib")}
    print(json.dumps({"bench": "plan", "need": need}))
    return int(any(each.get(share, 0) > 1 for each in lines for share in ("cpu_share", "s3_share")))


if __name__ == "__main__":
    sys.exit(main())
