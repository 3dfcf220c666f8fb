"""What a check found: a verdict, a sentence, and what to type to mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from botocore.exceptions import BotoCoreError, ClientError


class Verdict(StrEnum):
    """How a part of the stack is. A warning does not keep the stack from working as it is meant to now."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    Attributes
    ----------
    area : str
        The part of the stack, one of those in `ndr.local.check.areas`.
    verdict : Verdict
    found : str
        A sentence.
    mend : str
        A command or an instruction; empty where nothing is to be mended.
    """

    area: str
    verdict: Verdict
    found: str
    mend: str = ""


def ok(area: str, found: str) -> Finding:
    return Finding(area, Verdict.OK, found)


def warning(area: str, found: str, mend: str) -> Finding:
    return Finding(area, Verdict.WARNING, found, mend)


def broken(area: str, found: str, mend: str) -> Finding:
    return Finding(area, Verdict.BROKEN, found, mend)


def not_checked(area: str, found: str, mend: str) -> Finding:
    return Finding(area, Verdict.NOT_CHECKED, found, mend)


def guarded(area: str, look: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """Yield what a look finds. A call that is refused or not answered ends it with a finding that says so.

    A bucket that does not exist ends it without one: `ndr.local.check.prefixes` has a finding for each bucket.
    """
    try:
        yield from look()
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        if code == "NoSuchBucket":
            return  # the area of the prefixes says so
        yield not_checked(
            area,
            f"{error.operation_name} was refused: {code}: {message.rstrip('.')}.",
            f"Run the check with a role that may call {error.operation_name}.",
        )
    except ImportError as error:
        yield not_checked(area, f"{error}: the definitions can't be built here.", "pip install '.[pipelines]'")
    except BotoCoreError as error:
        yield not_checked(area, f"AWS did not answer: {str(error).rstrip('.')}.", "Run the check again.")
