"""Whether roles allow what is needed, by IAM's own evaluation of their policies."""

from __future__ import annotations

from botocore.exceptions import ClientError

from ndr.contract.errors import InvalidRequestError
from ndr.local.access.needs import Need
from ndr.local.access.stack import Stack


def refused_actions(stack: Stack, need: Need) -> list[str]:
    """Return the actions of a need that its role is refused.

    IAM evaluates the role's policies. Policies of buckets, keys and organisations are not considered.

    Raises
    ------
    InvalidRequestError
        The caller may not simulate the role's policies.
    """
    iam, role_arn = stack.session.client("iam"), stack.role_arn(need.role)
    refused = []
    for resource, actions in need.actions.items():
        try:
            answer = iam.simulate_principal_policy(
                PolicySourceArn=role_arn, ActionNames=list(actions), ResourceArns=[resource]
            )
        except ClientError as error:
            raise InvalidRequestError(
                f"The policies of {role_arn} can't be evaluated: {error}. Use credentials that may call "
                "iam:SimulatePrincipalPolicy for the stack's roles."
            ) from error
        results = answer["EvaluationResults"]
        refused += [each["EvalActionName"] for each in results if each["EvalDecision"] != "allowed"]
    return refused
