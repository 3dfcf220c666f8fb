"""``ndr demo``: the whole monthly run on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ndr.local.commands.options import HERE, ZONE, Directory, progress
from ndr.local.console.interrupt import on_interrupt
from ndr.local.demo.run import DemoRequest, run_demo
from ndr.local.deployment.create import what_keeps_running


def demo(
    directory: Directory = HERE,
    traffic: Annotated[
        Path | None, typer.Option(help="A folder of logs (docs/sources.md). By default traffic of a synthetic network.")
    ] = None,
    engine: Annotated[str, typer.Option(help="local, or spark, which needs Java.")] = "local",
    days: Annotated[int, typer.Option(help="Days of generated traffic.")] = 35,
    seed: Annotated[int, typer.Option(help="Seed of the generated traffic.")] = 7,
    time_zone: Annotated[str, typer.Option(help=ZONE)] = "",
) -> None:
    """Deploy, ingest traffic, run the monthly execution, and print the published tables and the anomaly ranking."""
    with on_interrupt(lambda: what_keeps_running(directory)):
        run_demo(DemoRequest(directory, traffic, engine, days, seed, time_zone or None), progress())
