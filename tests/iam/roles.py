"""The roles of the deployed stack, statement by statement, and each of them taken away for a while."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any


@dataclass(frozen=True, order=True)
class Statement:
    """One statement of one role's policy.

    Attributes
    ----------
    role
        The role's name in the template.
    sid
        The statement's name; unique in its role.
    policy
        The policy that it is in.
    effect
        Allow or Deny.
    actions
        What it allows or denies, with `*` for any part of a name.
    """

    role: str
    sid: str
    policy: str
    effect: str
    actions: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.role}.{self.sid}"

    def names(self, action: str) -> bool:
        """Tell whether an action is one of those that it allows or denies."""
        return any(fnmatchcase(action.lower(), each.lower()) for each in self.actions)


class Roles:
    """Every role of a stack, as deployed."""

    def __init__(self, iam: Any, formation: Any, stack: str) -> None:
        self._iam = iam
        resources = formation.describe_stack_resources(StackName=stack)["StackResources"]
        self._names = {
            each["LogicalResourceId"]: each["PhysicalResourceId"]
            for each in resources
            if each["ResourceType"] == "AWS::IAM::Role"
        }

    def statements(self) -> list[Statement]:
        """All statements of all roles."""
        found = []
        for role, name in self._names.items():
            for policy in self._iam.list_role_policies(RoleName=name)["PolicyNames"]:
                found += [
                    Statement(role, each["Sid"], policy, each["Effect"], _listed(each["Action"]))
                    for each in self._document(name, policy)["Statement"]
                ]
        assert len({(each.role, each.sid) for each in found}) == len(found), "a Sid is used twice in a role"
        return sorted(found)

    def name(self, role: str) -> str:
        """The name in the account of a role of the template."""
        return str(self._names[role])

    @contextmanager
    def without(self, statement: Statement) -> Iterator[None]:
        """Take a statement out of its role, and put it back afterwards."""
        name = self._names[statement.role]
        document = self._document(name, statement.policy)
        left = [each for each in document["Statement"] if each["Sid"] != statement.sid]
        assert len(left) == len(document["Statement"]) - 1
        try:
            if left:
                self._put(name, statement.policy, {**document, "Statement": left})
            else:
                self._iam.delete_role_policy(RoleName=name, PolicyName=statement.policy)
            yield
        finally:
            self._put(name, statement.policy, document)

    def _document(self, name: str, policy: str) -> dict[str, Any]:
        document = self._iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        return json.loads(document) if isinstance(document, str) else dict(document)

    def _put(self, name: str, policy: str, document: dict[str, Any]) -> None:
        self._iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))


def _listed(action: str | list[str]) -> tuple[str, ...]:
    return (action,) if isinstance(action, str) else tuple(action)
