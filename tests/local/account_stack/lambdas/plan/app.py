"""Answers with the project that the stack was deployed for."""

import os


def handler(event: dict, context: object) -> dict:
    return {"project": os.environ["PROJECT"], "pipeline": event["pipeline"]}
