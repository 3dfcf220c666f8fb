"""Plan one request as plan_run does, and print what it cost: CPU seconds, requests of the ledger, peak memory."""

from __future__ import annotations

import json
import resource
import sys
from collections import Counter
from datetime import datetime
from logging import getLogger
from time import process_time

from ndr.planner.requested_baselines import plan_requested_baselines
from ndr.planner.services import Services


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
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "ledger_requests": ledger.total(),
        "baselines": plan.baselines,
        "without_history": len(plan.insufficient),
        "batches": len(plan.batches),
        "stale": len(plan.stale),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
