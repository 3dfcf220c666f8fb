"""A registered pipeline definition, schema version 2020-12-01."""

from __future__ import annotations

import graphlib
import json
from dataclasses import dataclass
from typing import Any

from ministack_sagemaker.aws_json import ServiceError
from ministack_sagemaker.sagemaker_pipelines.expressions import references
from ministack_sagemaker.sagemaker_pipelines.parameters import check_declarations

SCHEMA_VERSION = "2020-12-01"
EXECUTION_VARIABLES = frozenset(
    {
        "StartDateTime",
        "CurrentDateTime",
        "PipelineName",
        "PipelineArn",
        "PipelineExecutionId",
        "PipelineExecutionArn",
        "ProcessingJobName",
    }
)


@dataclass(frozen=True)
class Definition:
    """A pipeline definition that CreatePipeline accepts.

    Attributes
    ----------
    text
        The JSON exactly as registered.
    parameters
        The declared parameters.
    steps
        Step by name, in the order written.
    """

    text: str
    parameters: list[dict[str, Any]]
    steps: dict[str, dict[str, Any]]

    @classmethod
    def parse(cls, text: str) -> Definition:
        """Read and check a definition.

        Raises
        ------
        ServiceError
            `ValidationException` naming the first thing that is wrong.
        """
        try:
            document = json.loads(text)
        except ValueError as error:
            raise _invalid(f"it is not JSON: {error}") from error
        if not isinstance(document, dict) or document.get("Version") != SCHEMA_VERSION:
            raise _invalid(f"its Version must be {SCHEMA_VERSION!r}")
        parameters = document.get("Parameters") or []
        check_declarations(parameters)
        definition = cls(text, parameters, _steps_by_name(document.get("Steps")))
        definition._check_references()
        return definition

    def dependencies(self) -> graphlib.TopologicalSorter[str]:
        """Return the graph of the steps: a step depends on its `DependsOn` and on steps whose properties it reads."""
        return graphlib.TopologicalSorter({name: self._predecessors(step) for name, step in self.steps.items()})

    def _predecessors(self, step: dict[str, Any]) -> set[str]:
        read = {reference.split(".")[1] for reference in references(step) if reference.startswith("Steps.")}
        return read | set(step.get("DependsOn") or [])

    def _check_references(self) -> None:
        declared = {parameter["Name"] for parameter in self.parameters}
        known = {"Parameters": declared, "Steps": set(self.steps), "Execution": EXECUTION_VARIABLES}
        for name, step in self.steps.items():
            for reference in references(step):
                kind, _, rest = reference.partition(".")
                if rest.split(".")[0] not in known.get(kind, ()):
                    raise _invalid(f"step {name} refers to {reference}, which does not exist")
            missing = set(step.get("DependsOn") or []) - set(self.steps)
            if missing:
                raise _invalid(f"step {name} depends on {sorted(missing)[0]}, which does not exist")
        try:
            self.dependencies().prepare()
        except graphlib.CycleError as error:
            raise _invalid(f"its steps depend on each other: {' -> '.join(error.args[1])}") from error


def _steps_by_name(steps: Any) -> dict[str, dict[str, Any]]:
    if not isinstance(steps, list) or not steps:
        raise _invalid("it must have at least one step")
    by_name: dict[str, dict[str, Any]] = {}
    for step in steps:
        name = step.get("Name")
        if not name or name in by_name:
            raise _invalid(f"step name {name!r} must be present and unique")
        if step.get("Type") != "Processing":
            raise _invalid(f"step {name} has type {step.get('Type')!r}; this emulator runs Processing steps")
        by_name[name] = step
    return by_name


def _invalid(what: str) -> ServiceError:
    return ServiceError("ValidationException", f"Unable to parse pipeline definition: {what}.")
