"""The user id that submitted a statement, for policies that allow a role its own statements only."""

from __future__ import annotations

_owners: dict[str, str] = {}


def record_owner(identifier: str) -> None:
    """Record the caller of the current request as the owner of a statement."""
    from ministack.core.iam_evaluator import caller_arn
    from ministack.services import sts

    arn = caller_arn()
    ids = [str(each["UserId"]) for each in dict(sts._sessions).values() if each.get("Arn") == arn]
    _owners[identifier] = ids[-1] if ids else arn


def owner_of(identifier: str) -> str | None:
    """Return the `aws:userid` that submitted a statement."""
    return _owners.get(identifier)
