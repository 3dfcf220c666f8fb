"""``ndr ingest``: write Zeek conn logs as integration mini-batches."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ndr.contract.jobspecs import DELTA_BUILDER
from ndr.local.commands.options import HERE, Directory, progress
from ndr.local.console.progress import Progress
from ndr.local.deployment.deployment import Deployment
from ndr.local.ingest import IngestReport
from ndr.local.ingest import Progress as IngestStep
from ndr.local.ingest import ingest as ingest_logs


def ingest(
    folder: Annotated[Path, typer.Argument(help="A Zeek conn log, or a folder of them.")],
    directory: Directory = HERE,
    batch: Annotated[str, typer.Option(help="Length of a mini-batch: 15m, 1h or 1d.")] = "15m",
    prefix: Annotated[str, typer.Option(help="Override the integration prefix of the JobSpec.")] = "",
) -> None:
    """Write the connections of Zeek conn logs below the integration prefix."""
    lines = progress()
    target = prefix or Deployment.load(directory).jobspecs()[DELTA_BUILDER].spec.inputs.integration
    ingest_folder(folder, target, batch, lines)


def ingest_folder(folder: Path, prefix: str, batch: str, lines: Progress) -> IngestReport:
    """Ingest a folder and print the account of its rows."""

    def report_step(step: IngestStep) -> None:
        if step.done == step.total or step.done % max(1, step.total // 4) == 0:
            lines.line(f"  {step.stage} {step.done} of {step.total}: {step.name}")

    with lines.doing(f"ingest {folder}"):
        report = ingest_logs(folder, prefix, batch, progress=report_step)
    copies = sum(file.duplicate_of is not None for file in report.files)
    lines.line(
        f"  {report.rows_in:,} connections of {len(report.files)} logs: {report.rows_out:,} in "
        f"{len(report.batches)} mini-batches, {report.rejected:,} rejected"
        + (f", {copies} logs skipped as copies of others" if copies else "")
    )
    late = [batch for batch in report.batches if batch.was_complete]
    if late:
        lines.line(
            f"  {len(late)} mini-batches were complete before. Run them again; the first is {late[0].interval}.",
            "yellow",
        )
    return report
