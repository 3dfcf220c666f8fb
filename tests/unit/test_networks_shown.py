"""The internal networks that Zeek logs show by local_orig and local_resp."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from ndr.contract.jobspecs.networks import Networks
from ndr.contract.networks import INTERNAL
from ndr.local.commands.ingest import ingest_folder, print_internal_networks
from ndr.local.console.progress import Progress
from ndr.local.ingest.internal import internal_with, networks_beside
from ndr.sources.zeek.local_ends import local_addresses

ENDS = ("198.51.100.7", "T", "203.0.113.9", "F")
HEADER = (
    "#separator \\x09\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\t"
    "orig_bytes\tresp_bytes\tconn_state\tlocal_orig\tlocal_resp\n"
)


def _row(source: str, is_local: str, destination: str, is_other_local: str) -> str:
    return f"1769799666\tC\t{source}\t1\t{destination}\t443\ttcp\t1\t1\t1\tSF\t{is_local}\t{is_other_local}\n"


def _object(source: str, is_local: bool, destination: str, is_other_local: bool, dot: str = ".") -> str:
    ends = {f"id{dot}orig_h": source, f"id{dot}resp_h": destination}
    return json.dumps({**ends, "local_orig": is_local, "local_resp": is_other_local}) + "\n"


@pytest.mark.parametrize(
    ("content", "local"),
    [
        (HEADER + _row(*ENDS) + _row("203.0.113.9", "F", "2001:DB8::1", "T"), {"198.51.100.7", "2001:db8::1"}),
        (HEADER + _row("::ffff:192.0.2.1", "T", "203.0.113.9", "-"), {"192.0.2.1"}),
        (HEADER + _row("198.51.100.7", "-", "203.0.113.9", "-"), set()),  # Zeek does not know its networks
        (HEADER.replace("\tlocal_orig\tlocal_resp", "") + "1769799666\tT\n", set()),
        (HEADER + _row(*ENDS) + "1769799666\tC\t192.0.2.77\t1\t203.0.113.9\t443\ttcp\t1\t1\t1\tSF\tT\tF", {ENDS[0]}),
        (HEADER + "cut\tline\n" + _row(*ENDS), {ENDS[0]}),
        ("ts,uid,id.orig_h,local_orig\n1,C,192.0.2.5,T\n", {"192.0.2.5"}),
        (_object("192.0.2.1", True, "203.0.113.9", False) + "{broken\n", {"192.0.2.1"}),
        (_object("203.0.113.9", False, "192.0.2.2", True, dot="_"), {"192.0.2.2"}),
    ],
)
def test_local_addresses_are_those_that_the_flags_mark(content: str, local: set[str]) -> None:
    assert local_addresses(content.encode()) == local


def test_only_networks_that_are_not_known_are_told_and_neighbours_are_one_block() -> None:
    local = ["10.1.2.3", "198.51.100.7", "198.51.101.1", "192.0.2.1", "2001:db8::1", "2001:db8:0:1::1",
             "fe80::1", "224.0.0.251", "255.255.255.255"]  # fmt: skip
    shown = networks_beside(local, Networks())
    assert shown == ("192.0.2.0/24", "198.51.100.0/23", "2001:db8::/63")
    spec = Networks(internal=internal_with(Networks(), shown))
    assert networks_beside(local, spec) == ()
    assert networks_beside([], Networks()) == ()
    assert internal_with(Networks(), ()) == INTERNAL


def test_ingest_prints_the_internal_networks_and_what_to_write(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "conn.log.gz").write_bytes(gzip.compress((HEADER + _row(*ENDS)).encode()))
    output = io.StringIO()
    lines = Progress(Console(file=output, width=500))
    report = ingest_folder(tmp_path / "logs", (tmp_path / "out").as_uri() + "/", "1d", lines)
    internal = print_internal_networks(report, Networks(), lines)
    assert internal == {**INTERNAL, "shown_by_zeek": ("198.51.100.0/24",)}
    told = output.getvalue()
    assert "internal networks: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7" in told
    assert "by local_orig and local_resp of the Zeek logs also: 198.51.100.0/24" in told
    written = json.loads(told.partition('in the networks JobSpec: "internal": ')[2].splitlines()[0])
    assert Networks.model_validate({"internal": written}).internal == internal
    assert print_internal_networks(report, Networks(internal=internal), lines) == internal
