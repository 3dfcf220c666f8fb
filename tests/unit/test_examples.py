"""The logs of examples/traffic: written by their script, and read with every row accounted for."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from examples.write_traffic import COUNT, DAYS, EXAMPLES, FOLDER, drawn, files
from rich.console import Console
from tests.unit.test_cli_commands import Ndr, ndr

from ndr.contract.errors import InvalidRequestError
from ndr.contract.jobspecs.delta_builder import SOURCE_NAMES
from ndr.contract.manifest import RowAccount
from ndr.local.commands.ingest import ingest_folder
from ndr.local.commands.status import account_sentence
from ndr.local.console.progress import Progress
from ndr.local.demo.traffic import Traffic, given_traffic, prepared

__all__ = ["ndr"]
GREATEST_BYTES = 100_000
ZONE = {"pan_os": "UTC"}
"""Of the sources whose times tell none."""


def rows_in(path: Path) -> int:
    """Count the rows of a file by its form alone."""
    if path.suffix == ".parquet":
        return int(pq.read_metadata(path).num_rows)
    text, rows, at = path.read_text(), 0, 0
    if not text.startswith("{"):
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        return len(lines) - any(line.startswith("flow-direction ") for line in lines)
    while at < len(text.rstrip()):
        at = json.JSONDecoder().raw_decode(text, at)[1]
        at += text[at : at + 1] == "\n"
        rows += 1
    return rows


def test_every_source_has_an_example() -> None:
    assert sorted(EXAMPLES) == SOURCE_NAMES == sorted(path.name for path in FOLDER.iterdir())


@pytest.mark.parametrize("source", EXAMPLES)
def test_the_files_are_what_the_script_writes(source: str) -> None:
    written = dict(files(source))
    kept = {path.name: path for path in (FOLDER / source).iterdir()}
    assert set(kept) == set(written)
    for name, content in written.items():
        assert kept[name].stat().st_size <= GREATEST_BYTES
        if name.endswith(".parquet"):  # its bytes depend on the version of pyarrow
            assert pq.read_table(kept[name]).equals(pq.read_table(io.BytesIO(content)))
        else:
            assert kept[name].read_bytes() == content


@pytest.mark.parametrize("source", EXAMPLES)
def test_the_demo_reads_a_folder_of_each_source_and_accounts_for_every_row(tmp_path: Path, source: str) -> None:
    output = io.StringIO()
    given = given_traffic(FOLDER / source, tmp_path, 35, ZONE.get(source))
    with prepared(given, tmp_path / "traffic", 35, 7) as found:
        traffic = found.result()
    lines = Progress(Console(file=output, width=200))
    report = ingest_folder(traffic.folder, tmp_path.as_uri() + "/", "1d", lines, time_zone=traffic.time_zone)
    assert (report.bad, report.left_out) == ((), ())
    assert [batch.interval for batch in report.batches] == list(DAYS)
    assert {file.source for file in report.files} == {source}
    expected = sum(map(rows_in, (FOLDER / source).iterdir()))
    not_flows = int(bool(EXAMPLES[source].word))
    assert (report.rows_in, report.rejected, report.not_flows) == (expected, 1, not_flows)
    assert report.rows_out == (expected - 1 - not_flows if source == "vpc_flow_logs" else 2 * COUNT)
    told = re.search(
        r"([\d,]+) rows of 2 logs: ([\d,]+) flows in 2 mini-batches, (\d+) rejected, (\d+) not flows", output.getvalue()
    )
    assert told
    rows, *parts = (int(number.replace(",", "")) for number in told.groups())
    assert rows == sum(parts) == expected
    flows = [flow for batch in report.batches for flow in pq.read_table(batch.uri.removeprefix("file://")).to_pylist()]
    sent = sum(each.sent + each.received for day in DAYS for each in drawn(day))
    assert sum(flow["source_bytes"] + flow["destination_bytes"] for flow in flows) == sent


def test_local_times_need_a_zone_and_the_error_says_what_to_type(ndr: Ndr) -> None:
    folder = FOLDER / "pan_os"
    status, _, err = ndr("demo", "--traffic", str(folder))
    assert status == 1
    assert err.startswith(f"InvalidRequestError: {folder}/2026-01-30_pan-7.1.log tells local times without their zone")
    assert f"make demo TRAFFIC={folder} TIME_ZONE=Europe/Berlin" in err
    assert f"ndr demo --traffic {folder} --time-zone Europe/Berlin" in err
    status, _, err = ndr("demo", "--traffic", str(folder), "--time-zone", "Europe/Bern")
    assert (status, "Europe/Bern" in err, "--time-zone" in err) == (1, True, True)


def test_a_row_that_no_zone_helps_asks_for_none(tmp_path: Path) -> None:
    first = (FOLDER / "integration" / "2026-01-30_part.json").read_text().splitlines()[0]
    (tmp_path / "part.json").write_text(re.sub('"event_start": "[^"]*"', '"event_start": "yesterday"', first) + "\n")
    assert Traffic.of(tmp_path).time_zone is None
    (tmp_path / "local.json").write_text(first.replace('Z"', '"') + "\n")
    with pytest.raises(InvalidRequestError, match="local.json tells local times"):
        Traffic.of(tmp_path)


def test_the_account_that_the_demo_prints_names_every_kind_of_row() -> None:
    account = RowAccount(rows_in=10, rows_used=4, rows_quarantined=3, rows_repeated=2, rows_not_flows={"nodata": 1})
    assert account_sentence(account) == "rows in 10 = used 4 + quarantined 3 + repeated 2 + not flows 1 (nodata 1)"
    plain = RowAccount(rows_in=4_000, rows_used=4_000, rows_quarantined=0)
    assert account_sentence(plain) == "rows in 4,000 = used 4,000 + quarantined 0"
