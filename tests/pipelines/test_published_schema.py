"""The definitions against the published JSON schema of pipeline definitions (schema version 2020-12-01).

The schema is not part of this repository: it is looked for in `../shared/data/schemas`, or in the folder that
`PIPELINE_SCHEMAS` names. It is older than the service. What the service takes and the schema does not know is listed in
`NEWER`; anything else that differs fails.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from tests.pipelines.test_pipeline_definitions import BUILDERS, definition_of, quiet_environment, sources

from ndr.pipeline.sdk import Pipeline

__all__ = ["quiet_environment", "sources"]  # fixtures
SCHEMAS = Path(os.environ.get("PIPELINE_SCHEMAS", Path(__file__).parents[3] / "shared" / "data" / "schemas"))
SCHEMA = SCHEMAS / "sagemaker_pipeline_definition.schema.json"
Definition = dict[str, Any]


def _each_exception_alone(definition: Definition) -> None:
    for step in definition["Steps"]:
        step["RetryPolicies"] = [
            {**policy, "ExceptionType": name} for policy in step["RetryPolicies"] for name in policy["ExceptionType"]
        ]


def _no_enum_values(definition: Definition) -> None:
    for parameter in definition["Parameters"]:
        parameter.pop("EnumValues", None)


NEWER: dict[str, Callable[[Definition], object]] = {
    "MlflowConfig": lambda definition: definition.pop("MlflowConfig"),
    "PipelineExperimentConfig": lambda definition: definition.pop("PipelineExperimentConfig"),
    "EnumValues of a parameter": _no_enum_values,
    "a list as ExceptionType of a retry policy": _each_exception_alone,
}
"""What the SDK writes and the schema does not know, each with how to write it as the schema knows it."""


@pytest.fixture(scope="module")
def problems() -> Callable[[Definition], list[str]]:
    if not SCHEMA.exists():
        pytest.skip(f"the published schema is not at {SCHEMA.name} in ../shared/data/schemas or PIPELINE_SCHEMAS")
    validator = Draft7Validator(json.loads(SCHEMA.read_text()))
    return lambda definition: [error.message[:300] for error in validator.iter_errors(definition)]


def aged(build: Callable[..., Pipeline], without: str = "") -> Definition:
    """A definition written as the schema knows it, but for one of the differences."""
    definition = copy.deepcopy(definition_of(build))
    for name, write in NEWER.items():
        if name != without:
            write(definition)
    return definition


@pytest.mark.usefixtures("sources")
@pytest.mark.parametrize("build", BUILDERS)
def test_a_definition_is_valid_apart_from_what_is_newer_than_the_schema(
    build: Callable[..., Pipeline], problems: Callable[[Definition], list[str]]
) -> None:
    assert problems(aged(build)) == []


@pytest.mark.usefixtures("sources")
@pytest.mark.parametrize("name", NEWER)
def test_each_difference_is_one(name: str, problems: Callable[[Definition], list[str]]) -> None:
    assert any(problems(aged(build, without=name)) for build in BUILDERS)


@pytest.mark.usefixtures("sources")
@pytest.mark.parametrize(
    "mistake", [{"Type": "Job"}, {"Arguments": None}, {"DependsOn": "Before"}, {"Retries": []}], ids=str
)
def test_a_mistake_in_a_step_is_found(mistake: Definition, problems: Callable[[Definition], list[str]]) -> None:
    definition = aged(BUILDERS[0])
    definition["Steps"][0].update(mistake)
    assert problems(definition)
