"""Everything works on an account that enforces IAM, and a few statements are taken away; `make iam` takes all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.iam.mutation import all_pass, exercised, noticed
from tests.iam.roles import Roles
from tests.iam.scenarios import SCENARIOS
from tests.iam.world import World

from ndr.local.account.lifecycle import down, up
from ndr.local.deployment.create import STACK_NAME


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory: Path = tmp_path_factory.mktemp("guarded_account")
    yield World.build(up(directory, wait_scale=0.01, auth=True, end_with_parent=True))
    down(directory)


@pytest.fixture(scope="module")
def roles(world: World) -> Roles:
    return Roles(world.client("iam"), world.client("cloudformation"), STACK_NAME)


def test_every_scenario_works_with_the_templates_own_roles(world: World) -> None:
    all_pass(world)


def test_every_role_has_scenarios(roles: Roles) -> None:
    assert {statement.role for statement in roles.statements()} == set(SCENARIOS)


@pytest.mark.parametrize(
    "name",
    [
        "PlanRunRole.ReadTheLedger",
        "PipelineRole.ReadAndWriteData",
        "RunPipelineRole.RunPipelines",
        "BaselinesRole.Plan",
    ],
)
def test_without_a_statement_something_fails_for_want_of_it(world: World, roles: Roles, name: str) -> None:
    (statement,) = [each for each in exercised(roles.statements()) if str(each) == name]
    found = noticed(world, roles, statement)
    assert found is not None
    refusals = ("not authorized", "AccessDenied", "Access Denied", "ACCESS_DENIED")  # the last is Arrow's word
    assert any(word in found[1] for word in refusals), found[1]
