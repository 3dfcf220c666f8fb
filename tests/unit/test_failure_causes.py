"""What a Catch makes of a Cause: its sentence, also where Step Functions has cut the document that it is in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonata
import pytest
from tests.statemachines.definition import MACHINES, all_states, expressions, source, substituted

CAUSE_LIMIT = 32_768
VARIABLES = {"plan": {"message": "The plan.", "runs": [1]}, "failedChunks": []}


def _sentences() -> Iterator[Any]:
    """Every expression of a Catch that reads a Cause as a document."""
    for machine in MACHINES:
        for name, state in all_states(substituted(source(machine))).items():
            for number, catcher in enumerate(state.get("Catch", [])):
                for path, expression in expressions({"Catch": [catcher]}):
                    if "$parse" in expression:
                        yield pytest.param(expression, id=f"{machine}.{name}.{number}.{path[-1]}")


SENTENCES = list(_sentences())


def told(expression: str, cause: str | None) -> str:
    program = jsonata.Jsonata.jsonata(expression)
    error = {"Error": "SomeError", **({} if cause is None else {"Cause": cause})}
    program.register_lambda("parse", json.loads)
    return str(program.evaluate(None, {"states": {"errorOutput": error}, **VARIABLES}))


@pytest.mark.parametrize("expression", SENTENCES)
def test_a_whole_document_gives_its_sentence(expression: str) -> None:
    cause = {"errorMessage": "It is {odd}.", "Cause": "It is {odd}.", "stackTrace": ["a line"]}
    assert "It is {odd}." in told(expression, json.dumps(cause))
    assert "stackTrace" not in told(expression, json.dumps(cause))


@pytest.mark.parametrize("length", [CAUSE_LIMIT, 4_000, 30])
@pytest.mark.parametrize("expression", SENTENCES)
def test_a_document_that_was_cut_is_told_as_far_as_it_goes(expression: str, length: int) -> None:
    cut = json.dumps({"errorMessage": "It is odd.", "Cause": "It is odd.", "stackTrace": ["x" * 100] * 400})[:length]
    said = told(expression, cut)
    assert '{"errorMessage": "It is odd' in said
    assert len(said) < 3_000


@pytest.mark.parametrize("expression", SENTENCES)
def test_a_document_that_was_cut_after_a_bracket_is_not_taken_for_a_whole_one(expression: str) -> None:
    cut = f'{{"errorMessage": "{"x" * (CAUSE_LIMIT - 40)}", "stackTrace": [{{}}'[: CAUSE_LIMIT - 1] + "}"
    assert told(expression, cut)


@pytest.mark.parametrize("cause", ["{not a document}", "plain text", None])
@pytest.mark.parametrize("expression", SENTENCES)
def test_plain_text_is_told_as_it_is(expression: str, cause: str | None) -> None:
    said = told(expression, cause)
    assert said
    assert (cause or "") in said
