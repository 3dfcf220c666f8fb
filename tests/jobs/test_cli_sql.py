"""`ndr sql`: one query, as a table, JSON, CSV or a Parquet file."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.jobs.job_chain import Project
from tests.jobs.published_project import jobspec_file

from ndr.contract.table_names import TABLE_NAMES
from ndr.local.cli import main
from ndr.local.deployment.published import published_tables
from ndr.read import Place, sql

Ndr = Callable[..., tuple[int, str, str]]
SCORES = """
    select host_ip, window_end, score, [{'metric': 'sessions_cnt', 'value': 1.5}] as reasons
    from fg_c_hosts order by score desc, host_ip, window_end limit 3
"""


@pytest.fixture
def ndr(project: Project, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Ndr:
    """Run `ndr sql` on the published project, in an empty folder. Returns exit status, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NDR_JOBSPECS", str(jobspec_file(project, tmp_path / "jobspecs.json")))

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ndr", "sql", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capfd.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run


def test_count(ndr: Ndr, place: Place) -> None:
    (count,) = sql("select count(*) as n from deltas", place).arrow()["n"].to_pylist()
    status, out, err = ndr("select count(*) from deltas")
    assert (status, err) == (0, "")
    assert f" {count:,}" in out.splitlines()[-2]
    assert out.startswith("1 row\n")


def test_json_and_csv_have_the_same_rows(ndr: Ndr, place: Place) -> None:
    expected = sql(SCORES, place).arrow().to_pylist()
    assert all(row["reasons"] for row in expected)
    shown = [{**row, "window_end": row["window_end"].strftime("%Y-%m-%dT%H:%M:%SZ")} for row in expected]
    status, out, _ = ndr(SCORES, "--json")
    assert (status, json.loads(out)) == (0, {"rows": shown})
    status, out, _ = ndr(SCORES, "--csv")
    read = list(csv.DictReader(io.StringIO(out)))
    assert status == 0
    assert [{**row, "score": float(row["score"]), "reasons": json.loads(row["reasons"])} for row in read] == shown
    assert ndr("select 1 as n where false", "--json")[1] == '{"rows": [\n]}\n'
    assert ndr("select null as a, 'x,\"y\"' as b", "--csv")[1] == 'a,b\n,"x,""y"""\n'


def test_parquet_is_written_whole_or_not_at_all(ndr: Ndr, project: Project, place: Place, tmp_path: Path) -> None:
    path = tmp_path / "deltas.parquet"
    assert ndr("from deltas", "--parquet", str(path))[0] == 0
    everything = sql("from deltas", place).arrow()
    assert pq.read_table(path).sort_by("slice_start").num_rows == everything.num_rows
    assert pq.read_schema(path).names == everything.schema.names
    before, files = path.read_bytes(), sorted(tmp_path.iterdir())
    status, _, err = ndr("select error('stop') as n, * from deltas", "--parquet", str(path))
    assert (status, "Invalid Input Error: stop." in err) == (1, True)
    assert (path.read_bytes(), sorted(tmp_path.iterdir())) == (before, files)
    status, _, err = ndr("from deltas", "--parquet", str(tmp_path / "absent" / "deltas.parquet"))
    assert (status, "absent/deltas.parquet can't be written: No such file or directory" in err) == (1, True)
    status, _, err = ndr("from deltas", "--parquet", str(tmp_path))
    assert (status, "can't be written" in err) == (1, True)
    assert sorted(tmp_path.iterdir()) == files


def test_a_long_result_is_cut_on_a_terminal_alone(ndr: Ndr, place: Place) -> None:
    status, out, _ = ndr("select host_ip from deltas")
    assert status == 0
    assert "The first 100 rows; --csv, --json or --parquet FILE has all" in out
    rows = sql("select count(*) as n from deltas", place).arrow()["n"][0].as_py()
    assert len(ndr("select host_ip from deltas", "--csv")[1].splitlines()) == rows + 1


def test_without_a_query_the_tables_are_listed(ndr: Ndr) -> None:
    status, out, _ = ndr()
    assert status == 0
    assert all(f" {name} " in out for name in TABLE_NAMES)
    assert "describe fg_a" in out
    listed = {row["table"]: row for row in json.loads(ndr("--json")[1])["tables"]}
    assert listed["fg_a_with_baseline"]["filter_by"] == "window_end"
    assert set(TABLE_NAMES) < set(listed)


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("select * from flows",), 1, "InvalidRequestError: There is no table 'flows'; there are deltas, peer_deltas"),
        (("drop view deltas",), 1, "The statement is DROP, and only those that read are allowed"),
        (("from read_parquet('x.parquet')",), 1, "file system operations are disabled"),
        (("select", "1"), 2, "unexpected extra argument"),
        (("select 1", "--json", "--csv"), 2, "give one of --json, --csv and --parquet FILE"),
        (("--csv",), 2, "give a query"),
        (("select 1", "--as-of", "yesterday"), 1, "as_of is 'yesterday', which is not an ISO 8601 time"),
        (("select 1", "--jobspecs", "absent.json"), 1, "absent.json can't be read as JSON"),
    ],
)
def test_a_mistake_is_a_sentence(ndr: Ndr, arguments: tuple[str, ...], status: int, told: str) -> None:
    ended, out, err = ndr(*arguments)
    assert (ended, out) == (status, "")
    assert told.lower() in err.lower()
    assert "Traceback" not in err
    assert "nanobind" not in err


def test_control_characters_do_not_reach_the_terminal(ndr: Ndr) -> None:
    status, out, _ = ndr("select chr(27) || '[31m' || '[bold]2001:db8::1' as text")
    assert status == 0
    assert r"\x1b[31m[bold]2001:db8::1" in out
    assert "\x1b" not in ndr("select chr(27) as text", "--json")[1]


def test_count_is_that_of_status(project: Project, place: Place) -> None:
    """Of what was published once; status adds up all partitions."""
    counted = {each.dataset: each.rows for each in published_tables(place.jobspecs)}
    for name in ("fg_b_pair_host", "machine_inventory"):
        (rows,) = sql(f"select count(*) as n from {name}", place).arrow()["n"].to_pylist()
        of_status = [number for label, number in counted.items() if label.split()[0] == name]
        assert rows == sum(of_status) > 0
