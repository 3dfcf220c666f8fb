"""docs/read_features.md: what can run on this machine runs as it is written, and other SQL names what there is."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlglot
from sqlglot.optimizer.qualify import qualify
from tests.jobs.job_chain import Project
from tests.jobs.published_project import jobspec_file

from ndr.contract.datasets import DELTAS, FG_A, MACHINE_INVENTORY, PAIR_COUNTS
from ndr.local.cli import main

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PAGE = (Path(__file__).parents[2] / "docs" / "read_features.md").read_text()
SQL_TYPES = {"string": "varchar", "int64": "bigint", "float64": "double", "bool": "boolean", "timestamp": "timestamptz"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def here(project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder, from which the published project is found."""
    monkeypatch.setenv("NDR_JOBSPECS", str(jobspec_file(project, tmp_path / "jobspecs.json")))
    monkeypatch.chdir(tmp_path)
    return tmp_path


PLAIN = [block for block in blocks("python") if "spark" not in block]


def test_the_page_has_an_example_for_each() -> None:
    assert len(PLAIN) == 2
    assert [len(blocks(language)) for language in ("sh", "athena", "redshift")] == [1, 1, 1]
    assert all(len(block.splitlines()) <= 12 for block in blocks("python"))


@pytest.mark.parametrize("example", PLAIN, ids=["pandas", "duckdb"])
def test_an_example_in_python_runs(here: Path, capsys: pytest.CaptureFixture[str], example: str) -> None:
    exec(compile(example, "read_features.md", "exec"), {})
    assert "10." in capsys.readouterr().out


def test_the_example_for_spark_runs(here: Path, spark: SparkSession, capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = (block for block in blocks("python") if "spark" in block)
    exec(compile(example, "read_features.md", "exec"), {"spark": spark})
    assert "sum(sessions_cnt)=" in capsys.readouterr().out


def test_the_commands_run(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    commands = [shlex.split(line) for line in blocks("sh")[0].splitlines()]
    for command in commands:
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert (ended.value.code or 0, printed.err) == (0, "")
        assert printed.out.strip()
    assert (here / "fg_a.parquet").stat().st_size


@pytest.mark.parametrize("language", ["athena", "redshift"])
def test_sql_of_other_engines_names_tables_and_columns_of_the_contract(language: str) -> None:
    (query,) = blocks(language)
    schema = {
        each.name: {column.name: SQL_TYPES[column.type] for column in each.columns}
        for each in (DELTAS, FG_A, PAIR_COUNTS, MACHINE_INVENTORY)
    }
    found = qualify(
        sqlglot.parse_one(query, dialect=language),
        schema={"ndr": schema} if language == "redshift" else schema,
        dialect=language,
        validate_qualify_columns=True,
    )
    assert {column.name for column in found.find_all(sqlglot.exp.Column)} >= {"sessions_cnt"}
