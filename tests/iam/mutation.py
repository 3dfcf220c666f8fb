"""Is each statement needed? Without it, a scenario of its role must fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tests.iam.roles import Roles, Statement
from tests.iam.scenarios import SCENARIOS, Scenario
from tests.iam.unexercised import reason_not_exercised
from tests.iam.world import World

from ministack_sagemaker.refusals import Refusal, refusals


class FailedOtherwiseError(AssertionError):
    """A scenario failed for another reason than the missing statement."""


def all_pass(world: World, tell: Callable[[str], None] = lambda _: None) -> None:
    """Run every scenario with every statement in place.

    Raises
    ------
    AssertionError
        One failed: a statement is missing, or names too little.
    """
    for scenario in dict.fromkeys(each for of_role in SCENARIOS.values() for each in of_role):
        scenario(world)
        tell(f"{scenario.__name__}: works with every statement in place")


def noticed(world: World, roles: Roles, statement: Statement) -> tuple[Scenario, str] | None:
    """The scenario that fails without a statement, and how; None when none does.

    Raises
    ------
    FailedOtherwiseError
        One failed, though nothing was refused that the statement would have allowed.
    """
    with roles.without(statement):
        for scenario in SCENARIOS[statement.role]:
            before = len(refusals(world.directory))
            try:
                scenario(world)
            except Exception as error:
                refused = refusals(world.directory)[before:]
                if not is_proof(statement, roles.name(statement.role), refused):
                    raise FailedOtherwiseError(f"{scenario.__name__}, without {statement}: {error}") from error
                return scenario, f"{type(error).__name__}: {error}"
    return None


def is_proof(statement: Statement, role: str, refused: Iterable[Refusal]) -> bool:
    """Tell whether a failure shows that a statement is needed: without it its role was refused what it allows.

    A statement that denies is needed where something succeeds without it.
    """
    return statement.effect == "Deny" or any(each.role == role and statement.names(each.action) for each in refused)


def exercised(statements: Iterable[Statement]) -> list[Statement]:
    """The statements that the embedded account can need."""
    return [each for each in statements if reason_not_exercised(each) is None]
