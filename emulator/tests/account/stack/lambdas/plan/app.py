"""Answers with the project that the stack was deployed for."""

import os


class InvalidRequestError(Exception):
    """A request that can't be honoured."""


def handler(event: dict, context: object) -> dict:
    if not event["pipeline"]:
        raise InvalidRequestError("pipeline is empty; name one.")
    return {"project": os.environ["PROJECT"], "pipeline": event["pipeline"]}
