"""JobSpec of the suppressions: findings that are known and not to be told, each until a day.

They are applied when scores are read, so a change needs no job to run again, and a suppression that has expired has no
effect from that instant on: what it suppressed is a finding again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, model_validator

from ndr.contract.datasets import REASON_METRICS
from ndr.contract.errors import InvalidRequestError
from ndr.contract.jobspecs.cidr import Cidr
from ndr.contract.jobspecs.model import SpecModel
from ndr.contract.time import parse_instant

SELECTORS: Final = ("cidr", "segment", "destination", "port", "metric")
"""The fields that say what is suppressed; a finding has to fit all that are given."""
_OF_PAIRS: Final = ("destination", "port")


def _instant(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        return parse_instant(value)
    except InvalidRequestError as error:
        raise ValueError(str(error).rstrip(".")) from None


def _metric(name: str) -> str:
    if name not in REASON_METRICS:
        raise ValueError(f"{name!r} is not what a reason can be about; allowed are {', '.join(REASON_METRICS)}")
    return name


Instant = Annotated[datetime, BeforeValidator(_instant)]
Words = Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]


class Suppression(SpecModel):
    """One suppression.

    Attributes
    ----------
    cidr : str, optional
        Network of the host, or of the source of the pair.
    segment : str, optional
        Segment of the host, or of the source: a name of the JobSpec `networks`, or a CIDR.
    destination : str, optional
        Network of the pair's destination.
    port : int, optional
        The pair's destination port.
    metric : str, optional
        Reasons about this metric do not count for the host's score.
    expires : datetime
        From when on the suppression has no effect; a date is its midnight UTC.
    owner, reason : str
        Who asked for it, and why.
    """

    cidr: Cidr | None = None
    segment: Annotated[str, Field(min_length=1)] | None = None
    destination: Cidr | None = None
    port: Annotated[int, Field(ge=0, le=65535)] | None = None
    metric: Annotated[str, BeforeValidator(_metric)] | None = None
    expires: Instant
    owner: Words
    reason: Words

    @property
    def is_of_pairs(self) -> bool:
        """Whether it fits pairs alone: hosts have neither a destination nor a port."""
        return any(getattr(self, name) is not None for name in _OF_PAIRS)

    @model_validator(mode="after")
    def _selects(self) -> Self:
        if all(getattr(self, name) is None for name in SELECTORS):
            raise ValueError(f"says of nothing what to suppress; give at least one of {', '.join(SELECTORS)}")
        if self.metric is not None and self.is_of_pairs:
            raise ValueError(
                "fits nothing: metric is of hosts, destination and port are of pairs; write two suppressions"
            )
        return self


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]


class SuppressionsSpec(SpecModel):
    """Spec of `suppressions`: each under a name, by which it is counted and refused."""

    suppressions: dict[Name, Suppression]

    def active(self, now: datetime) -> dict[str, Suppression]:
        """Return those that have not expired, by name."""
        return {name: each for name, each in self.suppressions.items() if now < each.expires}

    def expired(self, now: datetime) -> tuple[str, ...]:
        """Return the names of those that have no effect any more, sorted."""
        return tuple(sorted(name for name, each in self.suppressions.items() if each.expires <= now))
