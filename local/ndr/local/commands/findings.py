"""``ndr findings``: what a person or a SIEM should look at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ndr.contract.wording import counted
from ndr.local.commands.options import HERE, AsJson, Directory
from ndr.local.console.output import output_console
from ndr.local.console.tables import Listing, Number, print_listings
from ndr.local.deployment.deployment import Deployment

if TYPE_CHECKING:
    from ndr.contract.jobspecs import JobSpecs
    from ndr.contract.time import Interval
    from ndr.findings import Findings, HostFinding, PairFinding, Suppressed


def findings(
    directory: Directory = HERE,
    stack: Annotated[
        str, typer.Option("--stack", help="A stack in the AWS account of your credentials, not on this machine.")
    ] = "",
    since: Annotated[
        str,
        typer.Option(help="From when on, e.g. 2026-01-31 or 2026-01-31T06:00:00Z; the last 24 hours by default."),
    ] = "",
    form: Annotated[str, typer.Option("--format", help="Print JSON lines, one a finding: ocsf or ecs.")] = "",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the JSON lines to this file.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the findings up to the newest scores, and how many were suppressed; or export them for a SIEM."""
    from ndr.local.findings import format_of, found_findings, lines_of_findings, written_lines

    if as_json and form:
        raise typer.BadParameter("give one of --json and --format.")
    if out and not form:
        raise typer.BadParameter("--out needs --format ocsf or --format ecs.")
    chosen = format_of(form) if form else None
    jobspecs = _jobspecs(directory, stack)
    time, days = found_findings(jobspecs, since)
    if chosen is None:
        print_listings(output_console(), _listings(time, days), as_json, since=time.start, until=time.end,
                       expired=_expired(days))  # fmt: skip
        if not as_json and (expired := _expired(days)):
            typer.echo(f"Expired suppressions, which have no effect: {', '.join(expired)}.")
        return
    lines = lines_of_findings(chosen, days)
    if out:
        written_lines(out, lines)
    else:
        typer.echo(lines.decode(), nl=False)
    typer.echo(_summary(days), err=True)


def _jobspecs(directory: Path, stack: str) -> JobSpecs:
    if not stack:
        return Deployment.load(directory).jobspecs()
    from ndr.read.place import Place

    return Place.of_stack(stack).jobspecs


def _listings(time: Interval, days: Sequence[Findings]) -> list[Listing]:
    hosts = sorted((each for day in days for each in day.hosts), key=lambda each: -each.score)
    pairs = sorted((each for day in days for each in day.pairs), key=lambda each: -each.score)
    shared = ("day", "severity", "confidence")
    times = ("first", "last", "score")
    return [
        Listing(
            "hosts",
            f"Findings: hosts, {time}",
            (*shared, "host", "machine", *times, "p", "why", "uid"),
            [_host_row(each) for each in hosts],
            right=("score", "p"),
            only_json=("uid",),
        ),
        Listing(
            "pairs",
            f"Findings: pairs, {time}",
            (*shared, "source", "machine", "destination", "port", *times, "why", "uid"),
            [_pair_row(each) for each in pairs],
            right=("port", "score"),
            only_json=("destination", "port", "uid"),  # the sentence names them
        ),
        Listing(
            "suppressed",
            "Suppressed",
            ("suppression", "findings", "expires", "owner", "reason"),
            [(each.name, each.findings, each.expires, each.owner, each.reason) for each in _suppressed(days)],
            right=("findings",),
        ),
    ]


def _shared(finding: HostFinding | PairFinding) -> tuple[object, ...]:
    return f"{finding.day.start:%Y-%m-%d}", finding.severity.caption, finding.confidence.caption


def _times(finding: HostFinding | PairFinding) -> tuple[object, ...]:
    score = Number(finding.score, f"{finding.score:.1f}" if finding.kind == "host" else f"{finding.score:.2f}")
    return finding.first_seen, finding.last_seen, score


def _host_row(host: HostFinding) -> tuple[object, ...]:
    p_value = None if host.p_value is None else Number(host.p_value, f"{host.p_value:.2g}")
    return (*_shared(host), host.host_ip, host.machine_name, *_times(host), p_value, host.sentence, host.uid)


def _pair_row(pair: PairFinding) -> tuple[object, ...]:
    ends = (pair.src_ip, pair.machine_name, pair.dst_ip, pair.dst_port)
    return (*_shared(pair), *ends, *_times(pair), pair.sentence, pair.uid)


def _suppressed(days: Iterable[Findings]) -> list[Suppressed]:
    """Return the suppressions with the findings that they removed on all days."""
    from dataclasses import replace

    total: dict[str, Suppressed] = {}
    for each in (each for day in days for each in day.suppressed):
        before = total[each.name].findings if each.name in total else 0
        total[each.name] = replace(each, findings=each.findings + before)
    return list(total.values())


def _expired(days: Sequence[Findings]) -> tuple[str, ...]:
    return days[0].expired if days else ()


def _summary(days: Sequence[Findings]) -> str:
    """Say how many findings there are, and how many each suppression removed."""
    found = counted(sum(len(day.all) for day in days), "finding")
    removed = [f"{each.findings} by {each.name}" for each in _suppressed(days) if each.findings]
    return f"{found}; suppressed: {', '.join(removed) or 'none'}."
