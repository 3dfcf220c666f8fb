"""Times in the answers of the planner's clients: read quickly, and as botocore reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.utils import parse_timestamp
from moto import mock_aws

from ndr.planner.clients import planner_session


@pytest.mark.parametrize(
    "written",
    [
        "2026-01-09T00:00:00.000Z",
        "2026-01-09T00:00:00+02:00",
        "2026-01-09T00:00:00",
        "Fri, 09 Jan 2026 00:00:00 GMT",
        1767916800.25,
        "1767916800",
    ],
)
def test_a_time_is_what_botocore_reads(written: Any) -> None:
    session = planner_session()._session
    factory = session.get_component("response_parser_factory")
    parser = factory.create_parser("rest-xml")
    found = parser._timestamp_parser(written)
    assert found == parse_timestamp(written)


@mock_aws
def test_a_client_of_the_session_reads_when_an_object_was_put() -> None:
    s3 = planner_session().client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket="data")
    before = datetime.now(UTC) - timedelta(seconds=1)
    s3.put_object(Bucket="data", Key="a", Body=b"")
    (item,) = s3.list_objects_v2(Bucket="data")["Contents"]
    assert before <= item["LastModified"] <= datetime.now(timezone(timedelta(hours=2)))
