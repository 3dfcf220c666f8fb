"""Whether a role's policies allow calls, as IAM's policy simulator answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ndr.local.check.stack import Stack


def refused_actions(
    stack: Stack, role: str, actions: Iterable[str], resource_arn: str, context: Mapping[str, str] | None = None
) -> list[str]:
    """Return those of some actions that a role of the stack may not do with a resource.

    The simulator knows the role's policies, its boundary and the organization's policies. It does not know the policy
    of the resource, nor that of a key.

    Parameters
    ----------
    role : str
        Logical id in the template.
    context : mapping of str to str, optional
        Values of condition keys, such as `s3:prefix`.
    """
    answer = stack.client("iam").simulate_principal_policy(
        PolicySourceArn=stack.role_arn(role),
        ActionNames=list(actions),
        ResourceArns=[resource_arn],
        ContextEntries=[
            {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": "string"}
            for name, value in (context or {}).items()
        ],
    )
    results = answer["EvaluationResults"]
    return [str(each["EvalActionName"]) for each in results if each["EvalDecision"] != "allowed"]
