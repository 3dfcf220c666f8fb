"""Pipeline definitions: expressions, parameters, order of steps, properties."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ministack_sagemaker.aws_json import ServiceError
from ministack_sagemaker.sagemaker_pipelines.definition import Definition
from ministack_sagemaker.sagemaker_pipelines.expressions import references, resolve
from ministack_sagemaker.sagemaker_pipelines.parameters import bind
from ministack_sagemaker.sagemaker_pipelines.properties import step_property

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(st.characters(codec="ascii", exclude_characters=":")), inner)
    ),
    max_leaves=20,
)


@given(PLAIN)
def test_what_holds_no_expression_stays_as_it_is(value: Any) -> None:
    if any(True for _ in references(value)):
        return
    assert resolve(value, {}.__getitem__) == value


@given(st.lists(st.text() | st.integers() | st.booleans()), st.text())
def test_join_joins_as_text(parts: list[Any], on: str) -> None:
    expected = on.join(str(part).lower() if isinstance(part, bool) else str(part) for part in parts)
    values = dict(enumerate(parts))
    expression = {"Std:Join": {"On": on, "Values": [{"Get": index} for index in values]}}
    assert resolve(expression, values.__getitem__) == expected


def test_unknown_expression_is_refused() -> None:
    with pytest.raises(ServiceError, match="Std:JsonGet"):
        resolve({"Std:JsonGet": {}}, {}.__getitem__)


def test_references_are_found_at_any_depth() -> None:
    value = {"a": [{"Get": "Parameters.X"}, {"Std:Join": {"On": "", "Values": ["s", {"Get": "Steps.A.B"}]}}]}
    assert list(references(value)) == ["Parameters.X", "Steps.A.B"]


@given(st.permutations(["a", "b", "c", "d"]))
def test_steps_are_ordered_by_what_they_wait_for(written: list[str]) -> None:
    waits: dict[str, dict[str, Any]] = {
        "a": {},
        "b": {"DependsOn": ["a"]},
        "c": {"Arguments": {"x": {"Get": "Steps.a.ProcessingJobArn"}}},
        "d": {"DependsOn": ["b"], "Arguments": {"x": {"Get": "Steps.c.ProcessingJobArn"}}},
    }
    steps = [{"Name": name, "Type": "Processing", **waits[name]} for name in written]
    order = Definition.parse(json.dumps({"Version": "2020-12-01", "Steps": steps})).dependencies()
    order.prepare()
    batches = []
    while order.is_active():
        ready = order.get_ready()
        batches.append(set(ready))
        order.done(*ready)
    assert batches == [{"a"}, {"b", "c"}, {"d"}]


DECLARED = [
    {"Name": "S", "Type": "String", "DefaultValue": "x"},
    {"Name": "I", "Type": "Integer", "DefaultValue": 1},
    {"Name": "F", "Type": "Float", "DefaultValue": 0.5},
    {"Name": "B", "Type": "Boolean", "DefaultValue": True},
]


def test_defaults_keep_their_types() -> None:
    assert bind(DECLARED, []) == {"S": "x", "I": 1, "F": 0.5, "B": True}


@given(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.text(min_size=1))
def test_values_are_read_in_the_declared_type(integer: int, number: float, flag: bool, text: str) -> None:
    given_ = {"S": text, "I": str(integer), "F": repr(number), "B": str(flag)}
    bound = bind(DECLARED, [{"Name": name, "Value": value} for name, value in given_.items()])
    assert bound == {"S": text, "I": integer, "F": number, "B": flag}


def test_a_parameter_given_twice_is_refused() -> None:
    with pytest.raises(ServiceError, match="more than once"):
        bind(DECLARED, [{"Name": "S", "Value": "a"}, {"Name": "S", "Value": "b"}])


DESCRIBED = {
    "ProcessingJobArn": "arn",
    "ProcessingOutputConfig": {"Outputs": [{"OutputName": "o", "S3Output": {"S3Uri": "s3://b/o"}}]},
    "Environment": {"A": "1"},
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("ProcessingJobArn", "arn"),
        ("ProcessingOutputConfig.Outputs['o'].S3Output.S3Uri", "s3://b/o"),
        ("ProcessingOutputConfig.Outputs[0].S3Output.S3Uri", "s3://b/o"),
        ("Environment['A']", "1"),
    ],
)
def test_properties(path: str, value: str) -> None:
    assert step_property(DESCRIBED, path) == value


@pytest.mark.parametrize("path", ["Absent", "ProcessingOutputConfig.Outputs['p']", "ProcessingJobArn.X"])
def test_absent_properties_are_named(path: str) -> None:
    with pytest.raises(ServiceError, match="The step has no property"):
        step_property(DESCRIBED, path)
