"""``ndr doctor``: what this machine has of what the commands need."""

from __future__ import annotations

import typer

from ndr.local.check.finding import Verdict
from ndr.local.commands.options import HERE, AsJson, Directory
from ndr.local.console.documents import print_document
from ndr.local.console.exit_codes import ExitCode
from ndr.local.console.output import output_console
from ndr.local.console.verdicts import finding_records, print_findings
from ndr.local.doctor.machine import look


def doctor(directory: Directory = HERE, as_json: AsJson = False) -> None:
    """Tell what this machine has, and what to do about the rest. The exit code is 1 if something is broken."""
    if as_json:
        findings = list(look(directory))
        print_document({"findings": finding_records(findings)})
    else:
        findings = print_findings(output_console(), look(directory))
    if any(each.verdict is Verdict.BROKEN for each in findings):
        raise typer.Exit(ExitCode.FAILED)
