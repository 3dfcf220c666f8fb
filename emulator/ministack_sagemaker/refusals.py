"""What the policies of roles refused, in the order in which it was asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FILE: Final = "refused.jsonl"


@dataclass(frozen=True)
class Refusal:
    """A request that no statement of the caller's role allows, or that one denies.

    Attributes
    ----------
    role
        The role's name.
    action, resource
        Such as `s3:GetObject` and the object's ARN.
    """

    role: str
    action: str
    resource: str


def refusals(directory: Path) -> list[Refusal]:
    """Return what was refused in the account of a directory since it started; nothing where IAM is not enforced."""
    try:
        lines = (directory / "state" / FILE).read_text().splitlines()
    except FileNotFoundError:
        return []
    return [Refusal(**json.loads(line)) for line in lines]
