"""``ndr ingest``: write logs as integration mini-batches."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ndr.contract.datasets import INTEGRATION
from ndr.contract.errors import InvalidRequestError
from ndr.contract.jobspecs import DELTA_BUILDER, NETWORKS
from ndr.contract.jobspecs.delta_builder import AUTO, SOURCE_NAMES, DeltaBuilderInputs
from ndr.contract.jobspecs.networks import NamedNetworks, Networks
from ndr.contract.layout import MINI_BATCH
from ndr.contract.wording import agreeing, counted
from ndr.local.commands.options import HERE, ZONE, Directory, progress
from ndr.local.console.progress import Progress
from ndr.local.deployment.deployment import Deployment
from ndr.local.ingest import IngestReport
from ndr.local.ingest import Progress as IngestStep
from ndr.local.ingest import ingest as ingest_logs
from ndr.local.ingest.internal import internal_with, networks_beside

_SOURCES = f"Of which source the logs are: {', '.join(SOURCE_NAMES)}; auto recognises each file."


def ingest(
    paths: Annotated[list[str], typer.Argument(help="Logs, folders of them, patterns; also s3://.")],
    directory: Directory = HERE,
    batch: Annotated[str, typer.Option(help="Length of a mini-batch: 15m, 1h or 1d.")] = "15m",
    prefix: Annotated[str, typer.Option(help="Override the integration prefix of the JobSpec.")] = "",
    source: Annotated[str, typer.Option(help=_SOURCES)] = AUTO,
    time_zone: Annotated[str, typer.Option(help=ZONE)] = "",
) -> None:
    """Write the flows of logs below the integration prefix. The status is 1 if a log can't be used as a whole."""
    lines, networks = progress(), Networks()
    if not prefix:
        jobspecs = Deployment.load(directory).jobspecs()
        spec = jobspecs[DELTA_BUILDER].spec
        networks = jobspecs[NETWORKS].spec if NETWORKS in jobspecs else networks
        check_takes_mini_batches(spec.inputs)
        prefix, time_zone = spec.inputs.integration, time_zone or spec.time_zone or ""
    report = ingest_folder(paths, prefix, batch, lines, source, time_zone or None)
    print_internal_networks(report, networks, lines)
    if report.bad:
        raise typer.Exit(1)


def check_takes_mini_batches(inputs: DeltaBuilderInputs) -> None:
    """Check that the delta builder reads what is written here: mini-batches in the integration schema.

    Raises
    ------
    InvalidRequestError
        It reads another layout or another format, and would not see the flows.
    """
    expected = {"layout": (inputs.layout, (MINI_BATCH,)), "source": (inputs.source, (INTEGRATION.name, AUTO))}
    for field, (found, allowed) in expected.items():
        if found not in allowed:
            raise InvalidRequestError(
                f"The delta_builder JobSpec has inputs.{field} {found!r}, and its job would not read what this command "
                f"writes ({' or '.join(allowed)}). Copy the logs as they are below {inputs.integration}, or write "
                "--prefix with another place."
            )


def ingest_folder(
    paths: Path | Sequence[str],
    prefix: str,
    batch: str,
    lines: Progress,
    source: str = AUTO,
    time_zone: str | None = None,
) -> IngestReport:
    """Ingest logs and print the account of their rows."""

    def report_step(step: IngestStep) -> None:
        if step.done == step.total or step.done % max(1, step.total // 4) == 0:
            lines.line(f"  {step.stage} {step.done} of {step.total}: {step.name}")

    shown = str(paths) if isinstance(paths, Path) else " ".join(paths)
    with lines.doing(f"ingest {shown}"):
        report = ingest_logs(paths, prefix, batch, progress=report_step, log_source=source, time_zone=time_zone)
    _print_account(report, lines)
    return report


def print_internal_networks(report: IngestReport, networks: Networks, lines: Progress) -> NamedNetworks:
    """Print which networks are internal, and what to write where logs show others; return the `internal` with those."""
    known = ", ".join(network for of_name in networks.internal.values() for network in of_name)
    lines.line(f"  internal networks: {known}")
    shown = networks_beside(report.local_addresses, networks)
    internal = internal_with(networks, shown)
    if shown:
        lines.line(f"  by local_orig and local_resp of the Zeek logs also: {', '.join(shown)}")
        lines.line(f'  Their hosts have features with, in the networks JobSpec: "internal": {json.dumps(internal)}')
    return internal


def _print_account(report: IngestReport, lines: Progress) -> None:
    copies = sum(file.duplicate_of is not None for file in report.files)
    lines.line(
        f"  {counted(report.rows_in, 'row')} of {counted(len(report.files), 'log')}: "
        f"{counted(report.rows_out, 'flow')} in "
        f"{counted(len(report.batches), 'mini-batch', 'mini-batches')}, {report.rejected:,} rejected, "
        f"{report.not_flows:,} not flows"
        + (f", {counted(copies, 'log')} skipped as copies of others" if copies else "")
    )
    for name in sorted({file.source for file in report.files if file.source}):
        of_source = [file for file in report.files if file.source == name]
        certainty = min(file.certainty for file in of_source)
        lines.line(
            f"  {name}: {counted(len(of_source), 'log')}, the first {of_source[0].path}, certainty {certainty:.2f}"
        )
    for path, reason in report.left_out[:20]:
        lines.line(f"  left out {path}: {reason}")
    if len(report.left_out) > 20:
        lines.line(f"  and {counted(len(report.left_out) - 20, 'other file')}")
    late = [batch for batch in report.batches if batch.was_complete]
    if late:
        lines.line(
            f"  {counted(len(late), 'mini-batch', 'mini-batches')} {agreeing(len(late), 'was', 'were')} "
            f"complete before. Run them again; the "
            f"first is {late[0].interval}.",
            "yellow",
        )
    for sentence in report.bad:
        lines.line(f"  {sentence}", "red")
