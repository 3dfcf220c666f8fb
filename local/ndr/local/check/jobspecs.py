"""Whether the stack's JobSpecs are in the table, valid, and consistent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ndr.contract.errors import JobSpecInvalidError, JobSpecNotFoundError
from ndr.contract.jobspecs import check_jobspecs
from ndr.contract.jobspecs.check import OPTIONAL
from ndr.contract.wording import agreeing, counted
from ndr.local.check.finding import Finding, broken, ok
from ndr.local.check.stack import Stack

AREA: Final = "JobSpecs"


def check_stack_jobspecs(stack: Stack) -> Iterator[Finding]:
    """Read each JobSpec as the jobs do, then check the set."""
    table, found = stack.outputs["JobSpecTableName"], stack.jobspecs
    missing = [job for job, each in found.items() if isinstance(each, JobSpecNotFoundError) and job not in OPTIONAL]
    invalid = [each for each in found.values() if isinstance(each, JobSpecInvalidError)]
    whose = f"of project {stack.project!r}, version {stack.version!r}"
    if missing:
        yield broken(
            AREA,
            f"{counted(len(missing), 'JobSpec')} {whose} {agreeing(len(missing), 'is', 'are')} not in the table: "
            f"{', '.join(missing)}.{_others(stack, missing)}",
            f"Write them: ndr jobspec put PATH... --table {table}; `ndr jobspec init` makes a complete set.",
        )
    for error in invalid:
        yield broken(AREA, str(error), f"Correct the document and write it: ndr jobspec put FILE --table {table}")
    if missing or invalid:
        return
    try:
        check_jobspecs(stack.valid_jobspecs.values())
    except JobSpecInvalidError as error:
        yield broken(AREA, str(error), f"Correct the documents and write them: ndr jobspec put FILE... --table {table}")
    else:
        yield ok(AREA, f"{counted(len(stack.valid_jobspecs), 'JobSpec')} {whose} are valid and consistent.")


def _others(stack: Stack, missing: list[str]) -> str:
    """Say which sets the table has when it has nothing of the stack's own."""
    if stack.valid_jobspecs or len(missing) < len(stack.jobspecs) - len(OPTIONAL):
        return ""
    page = stack.table("JobSpecTableName").scan(ProjectionExpression="project_name, feature_spec_version")
    sets = sorted({f"{item['project_name']} {item['feature_spec_version']}" for item in page["Items"]})
    return f" The table has those of {', '.join(sets)}; ProjectName is a template parameter." if sets else ""
