"""`ndr ingest` writes only where the delta builder reads it."""

from __future__ import annotations

import pytest

from ndr.contract.errors import InvalidRequestError
from ndr.contract.jobspecs.delta_builder import DeltaBuilderInputs
from ndr.local.commands.ingest import check_takes_mini_batches

PREFIX = "s3://ndr-data/integration/"


@pytest.mark.parametrize("source", ["integration", "auto"])
def test_mini_batches_of_the_integration_schema_are_taken(source: str) -> None:
    check_takes_mini_batches(DeltaBuilderInputs(integration=PREFIX, source=source))


@pytest.mark.parametrize(
    ("field", "value"), [("layout", "%Y/%m/%d/%H/"), ("source", "pan_os"), ("source", "vpc_flow_logs")]
)
def test_a_job_that_would_not_read_them_is_named_with_what_to_do(field: str, value: str) -> None:
    inputs = DeltaBuilderInputs(integration=PREFIX, **{field: value})
    with pytest.raises(InvalidRequestError, match=f"inputs.{field} '{value}'.*below {PREFIX}, or write --prefix"):
        check_takes_mini_batches(inputs)
