"""The findings of the scores that the job publishes."""

from __future__ import annotations

from ndr.contract.errors import JobSpecNotFoundError
from ndr.contract.jobspecs import SUPPRESSIONS
from ndr.contract.jobspecs.suppressions import SuppressionsSpec
from ndr.findings.place import FindingsPlace
from ndr.jobs.fg_c.job import FgCSpecs
from ndr.jobs.run import Run


def findings_place(run: Run, specs: FgCSpecs) -> FindingsPlace:
    """Return where the findings are read from and written to, by the JobSpecs of the run.

    Raises
    ------
    JobSpecInvalidError
        A suppression breaks a rule; the sentence names it.
    """
    return FindingsPlace(
        run.owner,
        specs.fg_c.outputs.fg_c,
        specs.fg_b.outputs.fg_b,
        specs.fg_c.findings,
        specs.networks,
        _suppressions(run),
        specs.fg_c.outputs.findings,
        specs.fg_c.inputs.fg_a if specs.fg_b.host_identity == "machine" else None,
    )


def _suppressions(run: Run) -> SuppressionsSpec:
    """Read the JobSpec `suppressions`, which may be absent."""
    try:
        return run.spec(SUPPRESSIONS)
    except JobSpecNotFoundError:
        return SuppressionsSpec(suppressions={})
