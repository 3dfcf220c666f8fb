"""``ndr backfill``: build every baseline that the schedules would have built in a range."""

from __future__ import annotations

from typing import Annotated

import typer

from ndr.contract.horizons import ALL_HORIZONS, choices_sentence
from ndr.local.commands.options import HERE, AsJson, Directory
from ndr.local.commands.run import DryRun, ReplaceWithEmpty, run_and_report


def backfill(
    start: Annotated[str, typer.Argument(help="First baseline end, e.g. 2026-01-01.")],
    end: Annotated[str, typer.Argument(help="End of the range of baseline ends, exclusive.")],
    directory: Directory = HERE,
    horizon: Annotated[str, typer.Option(help=f"{choices_sentence()}.")] = ALL_HORIZONS,
    reprocess: Annotated[
        str,
        typer.Option(help="none: only what was never tried; failed: also what did not complete; completed: all."),
    ] = "failed",
    fill_upstream: Annotated[
        bool, typer.Option("--fill-upstream", help="First build missing features whose mini-batches were delivered.")
    ] = False,
    replace_with_empty: ReplaceWithEmpty = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Build the baselines that end in [START, END): 7d daily, 30d weekly unless the JobSpec says otherwise."""
    request = {"mode": "BACKFILL", "start": start, "end": end, "horizon": horizon, "reprocess": reprocess}
    flags = {"fill_upstream": fill_upstream, "replace_with_empty": replace_with_empty}
    run_and_report(directory, "baselines", {**request, **flags}, dry_run=dry_run, as_json=as_json)
