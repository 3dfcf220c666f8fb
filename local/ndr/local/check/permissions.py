"""Whether the stack's roles may do what the JobSpecs need, as IAM's policy simulator answers."""

from __future__ import annotations

from collections.abc import Iterator

from ndr.contract.errors import InvalidRequestError
from ndr.local.access.needs import Need, needs_of
from ndr.local.access.simulation import refused_actions
from ndr.local.check.finding import Finding, broken, not_checked, ok
from ndr.local.check.stack import Stack


def check_permissions(stack: Stack, area: str, services: tuple[str, ...]) -> Iterator[Finding]:
    """Simulate what the readable JobSpecs need of some services, such as `s3`.

    The simulator knows the roles' policies. It does not know the policies of buckets, keys and organizations.
    """
    needs = [
        need
        for need in needs_of(stack.valid_jobspecs.values(), stack.roles)
        if any(action.split(":")[0] in services for actions in need.actions.values() for action in actions)
    ]
    try:
        refused = [(need, actions) for need in needs if (actions := refused_actions(stack.roles, need))]
    except InvalidRequestError as error:
        yield not_checked(area, str(error), "Run the check with a role that may call iam:SimulatePrincipalPolicy.")
        return
    for need, actions in refused:
        yield broken(area, f"{need.purpose}, and {need.role} may not ({', '.join(actions)}).", _remedy(need))
    if needs and not refused:
        roles = " and ".join(dict.fromkeys(need.role for need in needs))
        yield ok(area, f"{roles} may do what the JobSpecs need: {'; '.join(dict.fromkeys(map(_short, needs)))}.")


def _remedy(need: Need) -> str:
    return (
        f"{need.remedy[0].upper()}{need.remedy[1:]}; if the role was edited, undo that. docs/deploy.md#existing-buckets"
    )


def _short(need: Need) -> str:
    """Return what a need is for, without the place."""
    return need.purpose.partition(" from ")[0].partition(" to ")[0].partition(" arn:")[0]
