"""How old the last published features are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from boto3.dynamodb.conditions import Key

from ndr.contract.datasets import DELTAS, FG_A, FG_C, PAIR_COUNTS
from ndr.contract.horizons import HORIZONS
from ndr.contract.jobspecs.check import written_prefixes
from ndr.contract.ledger import ledger_key
from ndr.contract.time import DAY, Interval, format_instant, parse_instant
from ndr.local.check.ages import age_text
from ndr.local.check.finding import Finding, guarded, ok, warning
from ndr.local.check.stack import Stack
from ndr.planner.partition_names import published_intervals

AREA: Final = "features"
SLICES: Final = (DELTAS.name, FG_A.name, PAIR_COUNTS.name, FG_C)
RECENT_SLICES: Final = timedelta(hours=3)
RECENT_BASELINES: Final = {"7d": timedelta(days=2), "30d": timedelta(days=8)}
LOOKED_BACK: Final = timedelta(days=400)
START: Final = "aws stepfunctions start-execution --state-machine-arn {arn} --input '{request}'"


def check_published(stack: Stack) -> Iterator[Finding]:
    """Find the newest partition of each dataset of slices, and the newest baseline of each horizon in the ledger."""
    prefixes = {
        dataset: prefix
        for jobspec in stack.valid_jobspecs.values()
        for dataset, prefix in written_prefixes(jobspec).items()
        if dataset in SLICES and prefix.startswith("s3://")
    }
    for dataset, prefix in prefixes.items():
        yield from guarded(AREA, partial(_check_slices, stack, dataset, prefix))
    for horizon in HORIZONS:
        yield from guarded(AREA, partial(_check_baselines, stack, horizon))


def _check_slices(stack: Stack, dataset: str, prefix: str) -> Iterator[Finding]:
    newest = _newest_end(stack.client("s3"), prefix, stack.now)
    start = START.format(arn=stack.outputs["MiniBatchMachineArn"], request="{}")
    yield _judged(stack, dataset, newest, RECENT_SLICES, start)


def _newest_end(s3: Any, prefix: str, now: datetime) -> datetime | None:
    for looked_back in (2 * DAY, LOOKED_BACK):
        found = published_intervals(s3, prefix, Interval(now - looked_back, now))
        if found:
            return max(interval.end for interval in found)
    return None


def _check_baselines(stack: Stack, horizon: str) -> Iterator[Finding]:
    series = ledger_key(stack.project, stack.version, "fg_b", horizon, stack.now)["series"]
    newest: str | None = None
    page: dict[str, Any] = {}
    while newest is None and (not page or "LastEvaluatedKey" in page):
        more = {"ExclusiveStartKey": page["LastEvaluatedKey"]} if page else {}
        page = stack.table("LedgerTableName").query(
            KeyConditionExpression=Key("series").eq(series), ScanIndexForward=False, Limit=100, **more
        )
        newest = next((item["as_of"] for item in page["Items"] if item["status"] == "completed"), None)
    request = f'{{"horizon": "{horizon}"}}'
    start = START.format(arn=stack.outputs["BaselinesMachineArn"], request=request)
    end = parse_instant(newest) if newest else None
    yield _judged(stack, f"fg_b {horizon}", end, RECENT_BASELINES.get(horizon, 8 * DAY), start)


def _judged(stack: Stack, name: str, newest: datetime | None, recent: timedelta, start: str) -> Finding:
    if newest is None:
        return warning(AREA, f"Nothing is published of {name}.", start)
    age = stack.now - newest
    sentence = f"The newest {name} ends at {format_instant(newest)}, {age_text(age)} ago."
    return ok(AREA, sentence) if age <= recent else warning(AREA, sentence, start)
