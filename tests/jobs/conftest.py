"""One Spark session for all tests that need one; they are skipped where Spark can't start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from ndr.contract.errors import InvalidRequestError
from ndr.spark.session import open_session, require_java

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def java() -> None:
    try:
        require_java()
    except InvalidRequestError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def spark(java: None) -> Iterator[SparkSession]:
    session = open_session("local[2]", "127.0.0.1")
    yield session
    session.stop()
