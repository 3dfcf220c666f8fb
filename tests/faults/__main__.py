"""`make faults`: every fault of every kind, what it did to published partitions and to executions.

The exit code is 1 when a partition was lost or mixed, or an execution was left hanging.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.faults import inventory, leases, machines, on_disk, orphans
from tests.faults.broken_publisher import manifest_first
from tests.faults.cut import CuttingProxy
from tests.faults.jobs import JOBS
from tests.faults.published import Verdict

from ministack_sagemaker.testing import fast_account

Told = Callable[[str], None]


def main() -> None:
    """Inject all faults, print a table by kind and the sums."""
    options = _options()
    began, kinds, verdict = time.monotonic(), Counter[str](), Verdict()

    def progress(what: str) -> None:
        bad = len(verdict.lost) + len(verdict.mixed) + len(verdict.hanging)
        print(f"{time.monotonic() - began:7.1f} s  {kinds.total():4} faults  {bad} bad  {what}", flush=True)

    of_disk = options.job or options.fault
    parts = {"disk": _on_disk} if of_disk else {name: PARTS[name] for name in options.part or PARTS}
    for part in parts.values():
        with tempfile.TemporaryDirectory(prefix="ndr-faults-") as folder:
            part(Path(folder), options, kinds, verdict, progress)
    sys.exit(_told(kinds, verdict))


def _on_disk(folder: Path, options: argparse.Namespace, kinds: Counter[str], verdict: Verdict, progress: Told) -> None:
    publisher = manifest_first if options.broken_publisher else lambda: None
    for trial in on_disk.trials(folder, verdict, options.job or list(JOBS), publisher):
        for name in options.fault or list(on_disk.INJECTIONS):
            kinds.update(on_disk.INJECTIONS[name](trial))
            progress(f"{trial.job.name}: {name}")


def _on_leases(
    folder: Path, options: argparse.Namespace, kinds: Counter[str], verdict: Verdict, progress: Told
) -> None:
    """Let two runs of a job meet over a ledger in an account; their data is on the disk."""
    trials = on_disk.trials(folder, verdict, options.lease_job or list(JOBS))
    with fast_account(folder / "account") as account:
        for trial in trials:
            of_baselines = leases.OF_BASELINES if trial.job.name == "fg_b_builder" else ()
            for meeting in (*leases.OF_ANY_JOB, *of_baselines):
                kinds.update(meeting(account, trial))
                progress(f"{trial.job.name}: {meeting.__name__}")


def _on_services(
    folder: Path, options: argparse.Namespace, kinds: Counter[str], verdict: Verdict, progress: Told
) -> None:
    """Inject the faults of services; clients leave threads that a fork would lose, so what forks comes first."""
    scratch = folder / "scratch"
    scratch.mkdir()
    with fast_account(folder / "account") as account:
        proxy = CuttingProxy(account.endpoint_url)
        for unloading in inventory.INJECTIONS:
            kinds.update(unloading(inventory.Inventory.of(account, verdict, scratch, proxy)))
            progress(f"machine_inventory_unload: {unloading.__name__}")
        control = machines.Control.deployed(account, verdict)
        progress("template deployed")
        for injection in machines.INJECTIONS:
            kinds.update(injection(control))
            progress(f"machines: {injection.__name__}")
        machines.find_hanging(control)


def _on_orphans(
    folder: Path, options: argparse.Namespace, kinds: Counter[str], verdict: Verdict, progress: Told
) -> None:
    """Abort executions on an account of their own, where the pipelines are the real ones."""
    with fast_account(folder) as account:
        project = orphans.DeployedProject.deployed(account, verdict)
        progress("template deployed with the real pipelines")
        for aborting in orphans.INJECTIONS:
            kinds.update(aborting(project))
            progress(f"orphans: {aborting.__name__}")


PARTS = {"disk": _on_disk, "leases": _on_leases, "services": _on_services, "orphans": _on_orphans}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--job", action="append", choices=list(JOBS), help="this job only; may be repeated")
    parser.add_argument("--fault", action="append", choices=list(on_disk.INJECTIONS), help="this fault only")
    parser.add_argument("--part", action="append", choices=list(PARTS), help="this part only; may be repeated")
    parser.add_argument("--lease-job", action="append", choices=list(JOBS), help="of the part leases, this job only")
    parser.add_argument("--broken-publisher", action="store_true", help="put manifests first, for the checker to find")
    return parser.parse_args()


def _told(kinds: Counter[str], verdict: Verdict) -> int:
    print(f"\n{'kind':58} faults")
    for kind, count in sorted(kinds.items()):
        print(f"{kind:58} {count:6}")
    for word in ("lost", "mixed", "hanging"):
        for what in getattr(verdict, word):
            print(f"{word}: {what}")
    lost, mixed, hanging = len(verdict.lost), len(verdict.mixed), len(verdict.hanging)
    print(f"\n{kinds.total()} faults, {len(kinds)} kinds, {lost} lost, {mixed} mixed, {hanging} hanging")
    return int(bool(lost or mixed or hanging))


if __name__ == "__main__":
    main()
