"""The internal networks of the demo: those of the synthetic network, or those that given logs show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ndr.contract.jobspecs import NETWORKS, JobSpec
from ndr.contract.jobspecs.networks import Networks
from ndr.local.commands.ingest import print_internal_networks
from ndr.local.commands.jobspec import put_checked
from ndr.local.console.progress import Progress
from ndr.local.ingest import IngestReport


def with_internal(jobspec: JobSpec[Any], synthetic: Sequence[str]) -> JobSpec[Any]:
    """Return the networks JobSpec with the synthetic network as the internal ones; any other as it is."""
    if jobspec.job_name != NETWORKS or not synthetic:
        return jobspec
    return jobspec.model_copy(
        update={"spec": jobspec.spec.model_copy(update={"internal": {"synthetic": tuple(synthetic)}})}
    )


def put_shown_networks(table: Any, jobspec: JobSpec[Networks], report: IngestReport, lines: Progress) -> None:
    """Print the internal networks, and put them with those that the logs show, so that the demo needs no edit."""
    internal = print_internal_networks(report, jobspec.spec, lines)
    if internal != jobspec.spec.internal:
        spec = jobspec.spec.model_copy(update={"internal": internal})
        put_checked(table, [jobspec.model_copy(update={"spec": spec})])
        lines.line("  The demo's networks JobSpec has that now.")
