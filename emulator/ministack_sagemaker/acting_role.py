"""Permission checks for calls that a service makes with a role; MiniStack checks signed requests only.

Step Functions calls with the machine's role, Scheduler with the target's, SageMaker with the job's, Lambda logs with
the function's, and what a caller passes on (a role, a secret) is checked against the caller.
"""

from __future__ import annotations

from ministack_sagemaker.scope import Scope


class NotAllowedError(Exception):
    """The role lacks a permission. The message is the one of AWS."""


def require(scope: Scope, role_arn: str, action: str, resource: str, **context: str) -> None:
    """Check that a role may do something. Without IAM enforcement everything is allowed.

    Parameters
    ----------
    scope
        The account and region.
    role_arn
        The role.
    action, resource
        Such as `sns:Publish` and the topic's ARN.
    context
        Condition keys, with `__` for the colon: `iam__PassedToService`.

    Raises
    ------
    NotAllowedError
    """
    from ministack import app
    from ministack.core import iam_evaluator

    if not app.AUTH:
        return
    role = role_arn.rpartition("/")[2]
    principal = f"arn:aws:sts::{scope.account_id}:assumed-role/{role}/service"
    request = iam_evaluator.EvalContext(
        principal_arn=principal,
        principal_type="AssumedRole",
        principal_account=scope.account_id,
        action=action,
        resource_arn=resource,
        region=scope.region,
        service_context={name.replace("__", ":").lower(): value for name, value in context.items()},
    )
    policies = iam_evaluator._gather_role_policies(role, scope.account_id)
    if iam_evaluator.evaluate(request, policies).decision != "Allow":
        raise NotAllowedError(
            f"User: {principal} is not authorized to perform: {action} on resource: {resource} because no "
            "identity-based policy allows the action"
        )


def require_of_caller(scope: Scope, action: str, resource: str, **context: str) -> None:
    """Check that the role behind the request being answered may do something; the root user may do everything.

    Raises
    ------
    NotAllowedError
    """
    from ministack.core.iam_evaluator import caller_arn

    kind, _, rest = caller_arn().rpartition(":")[2].partition("/")
    if kind == "assumed-role":
        require(scope, f"role/{rest.partition('/')[0]}", action, resource, **context)
