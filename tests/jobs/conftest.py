"""One Spark session for all tests that need one, which are skipped where Spark can't start; one published project."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.jobs.job_chain import Project
from tests.jobs.published_project import place_of, published_project

from ndr.contract.errors import InvalidRequestError
from ndr.read import Place
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


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A published project, which no test changes."""
    return published_project(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="session")
def place(project: Project) -> Place:
    return place_of(project)
