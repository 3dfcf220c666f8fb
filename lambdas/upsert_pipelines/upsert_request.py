"""What a person or a program asks of ``upsert_pipelines``."""

from __future__ import annotations

from typing import Any, Final

from aws_lambda_powertools.utilities.parser import ValidationError, parse
from pydantic import BaseModel, ConfigDict, StrictBool

from ndr.contract.errors import InvalidRequestError

REQUEST_SHAPE: Final = '{"dry_run": true or false, "pipelines": [names]}, both of which may be left out'


class UpsertRequest(BaseModel):
    """What to register.

    Attributes
    ----------
    dry_run : bool
        Only say what would change.
    pipelines : list of str or None
        Names to register; all of them when left out.
    """

    model_config = ConfigDict(extra="forbid")

    dry_run: StrictBool = False
    pipelines: list[str] | None = None


def parse_request(event: dict[str, Any]) -> UpsertRequest:
    """Return the event as a request.

    Raises
    ------
    InvalidRequestError
        With a sentence for each field that is wrong.
    """
    try:
        return parse(event=event, model=UpsertRequest)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'the event'}: {problem['msg'].lower()}, found {problem['input']!r}"
            for problem in error.errors()
        )
        raise InvalidRequestError(f"The request cannot be read ({problems}). Write {REQUEST_SHAPE}.") from error
