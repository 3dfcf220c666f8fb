"""`make iam`: takes each statement of each role away and sees that something fails. Ends with how many are needed."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.iam.mutation import FailedOtherwiseError, all_pass, exercised, noticed
from tests.iam.roles import Roles
from tests.iam.unexercised import reason_not_exercised
from tests.iam.world import World

from ministack_sagemaker.lifecycle import down, up
from ndr.local.deployment.create import STACK_NAME


def main() -> int:
    """Run the mutation test; return 0 when every statement that can be exercised is needed."""
    started = time.monotonic()

    def tell(sentence: str) -> None:
        print(f"{time.monotonic() - started:6.0f} s  {sentence}", flush=True)

    with tempfile.TemporaryDirectory(prefix="ndr-iam-") as folder:
        account = up(Path(folder), wait_scale=0.01, auth=True, end_with_parent=True)
        try:
            world = World.build(account)
            tell("deployed into an account that enforces IAM")
            all_pass(world, tell)
            roles = Roles(account.client("iam"), account.client("cloudformation"), STACK_NAME)
            statements = roles.statements()
            needed = 0
            for statement in exercised(statements):
                try:
                    found = noticed(world, roles, statement)
                except FailedOtherwiseError as error:
                    tell(f"for another reason fails {' '.join(str(error).split())[:200]}")
                    continue
                needed += found is not None
                tell(
                    f"without {statement}: nothing fails"
                    if found is None
                    else f"without {statement}: {found[0].__name__} fails, {' '.join(found[1].split())[:160]}"
                )
            all_pass(world, tell)  # or the account broke, and not the missing statements made the scenarios fail
        finally:
            down(Path(folder))
    left = [each for each in statements if reason_not_exercised(each) is not None]
    for statement in left:
        print(f"not exercised: {statement}: {reason_not_exercised(statement)}")
    can_be_needed = len(statements) - len(left)
    print(f"{len(statements)} statements in all, {len(left)} of them not exercised here. Of those that are:")
    print(f"{can_be_needed} statements, {needed} needed")
    return int(needed != can_be_needed)


if __name__ == "__main__":
    sys.exit(main())
