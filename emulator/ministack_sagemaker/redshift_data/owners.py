"""Who submitted a statement: a role may be left its own statements and no others."""

from __future__ import annotations

_owners: dict[str, str] = {}


def record_owner(identifier: str) -> None:
    """Note that the caller of the request being answered submitted a statement."""
    from ministack.core.iam_evaluator import caller_arn
    from ministack.services import sts

    arn = caller_arn()
    ids = [str(each["UserId"]) for each in dict(sts._sessions).values() if each.get("Arn") == arn]
    _owners[identifier] = ids[-1] if ids else arn


def owner_of(identifier: str) -> str | None:
    """The `aws:userid` of who submitted a statement, or a statement of a batch."""
    return _owners.get(identifier.partition(":")[0])
