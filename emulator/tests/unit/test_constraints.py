"""Requests checked against the services' own models."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ministack_sagemaker.constraints import violations

MODEL = botocore.session.get_session().get_service_model("sagemaker")
START = MODEL.operation_model("StartPipelineExecution").input_shape


def start(**members: Any) -> list[str]:
    return violations({"PipelineName": "p", "ClientRequestToken": "t" * 32, **members}, START)


@given(st.integers(0, 200))
def test_token_length(length: int) -> None:
    assert (start(ClientRequestToken="t" * length) == []) == (32 <= length <= 128)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"ClientRequestToken": "short"}, "Member must have length greater than or equal to 32"),
        ({"ClientRequestToken": None}, "Value null at 'clientRequestToken'"),
        ({"PipelineName": "under_score"}, "regular expression pattern"),
        ({"PipelineName": 3}, "Member must be of type string"),
        ({"Pipeline": "p"}, "Unknown parameter 'pipeline'"),
        ({"PipelineParameters": [{"Name": "A"}]}, "'pipelineParameters.1.member.value'"),
        ({"ParallelismConfiguration": {"MaxParallelExecutionSteps": True}}, "must be of type integer"),
    ],
)
def test_what_is_broken_is_said(members: dict[str, Any], message: str) -> None:
    (only,) = start(**members)
    assert message in only


def test_every_break_is_listed() -> None:
    assert len(start(PipelineName="", ClientRequestToken="")) == 3  # the empty name is short and off the pattern


def test_enums() -> None:
    shape = MODEL.operation_model("ListPipelines").input_shape
    assert violations({"SortOrder": "Ascending"}, shape) == []
    (only,) = violations({"SortOrder": "Up"}, shape)
    assert "enum value set: [Ascending, Descending]" in only
