"""Whether the secret of the inventory's database exists and the jobs may open it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ndr.contract.jobspecs import MACHINE_INVENTORY_UNLOAD
from ndr.local.check.finding import Finding, broken, guarded, ok
from ndr.local.check.permissions import check_permissions
from ndr.local.check.stack import Stack

AREA: Final = "secret"


def check_secret(stack: Stack) -> Iterator[Finding]:
    """Look up the secret of the inventory's JobSpec, then simulate that the jobs read it and query."""
    jobspec = stack.valid_jobspecs.get(MACHINE_INVENTORY_UNLOAD)
    if jobspec is None:
        return
    arn = jobspec.spec.redshift.secret_arn
    yield from guarded(AREA, lambda: _check_existence(stack, arn))
    yield from guarded(AREA, lambda: check_permissions(stack, AREA, ("secretsmanager", "redshift-data")))


def _check_existence(stack: Stack, arn: str) -> Iterator[Finding]:
    secrets = stack.client("secretsmanager", arn.split(":")[3])
    correct = "Create it, or write another secret_arn into the JobSpec machine_inventory_unload."
    try:
        described = secrets.describe_secret(SecretId=arn)
    except secrets.exceptions.ResourceNotFoundException:
        yield broken(AREA, f"The secret {arn} does not exist: the inventory can't be unloaded.", correct)
        return
    if described.get("DeletedDate"):
        restore = f"aws secretsmanager restore-secret --secret-id {arn}"
        yield broken(AREA, f"The secret {arn} is to be deleted: the inventory can't be unloaded.", restore)
        return
    yield ok(AREA, f"The secret {described['Name']} of the inventory's database exists.")
