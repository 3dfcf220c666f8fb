"""Plan one request as plan_run does, and print what it cost: CPU seconds, requests of the ledger, peak memory."""

from __future__ import annotations

import json
import sys
from collections import Counter
from datetime import datetime
from logging import getLogger
from pathlib import Path
from time import process_time

from ndr.planner.requested_baselines import plan_requested_baselines
from ndr.planner.services import Services


def peak_mib() -> int:
    """Return the peak resident memory of this program; ru_maxrss would count its parent's, too."""
    (line,) = [each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmHWM:")]
    return round(int(line.split()[1]) / 1024)


def main() -> None:
    """Plan the request of the command line at its time."""
    request, now = json.loads(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
    services = Services.in_environment(getLogger("plan_run"))
    ledger: Counter[str] = Counter()
    for name in ("Query", "TransactWriteItems", "UpdateItem"):  # JobSpecs are read with GetItem
        services.ledger.meta.client.meta.events.register(
            f"before-call.dynamodb.{name}", lambda model, **_: ledger.update([model.name])
        )
    began = process_time()
    plan = plan_requested_baselines(services, request, now)
    figures = {
        "cpu_s": round(process_time() - began, 2),
        "peak_mib": peak_mib(),
        "ledger_requests": ledger.total(),
        "baselines": plan.baselines,
        "without_history": len(plan.insufficient),
        "batches": len(plan.batches),
        "stale": len(plan.stale),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
