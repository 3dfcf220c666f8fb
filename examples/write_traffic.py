"""Write examples/traffic: the same connections of two days as logs of each source. `python -m examples.write_traffic`.

Each folder has one file a day, in two forms where the source has two. After the connections of the first day come one
row with an address that is none and, where the source has such rows, one that is not a flow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.jobs.same_connections import LOGS, Connection, Log, connections

from ndr.contract.time import DAY, Interval

FOLDER: Final = Path(__file__).parent / "traffic"
COUNT: Final = 100
"""Connections of a day."""

DAYS: Final = tuple(Interval.parse("2026-01-30", "2026-02-01").steps(DAY))


class Example(NamedTuple):
    """Names of the logs of the two days in `LOGS`.

    A row with `word` replaced is not a flow, where the source has such rows.
    """

    first: str
    second: str
    word: str = ""
    replaced_by: str = ""


EXAMPLES: Final = {
    "integration": Example("part.json", "part.parquet"),
    "ocsf": Example("ocsf.json", "ocsf.parquet", '"class_uid": 4001', '"class_uid": 4003'),
    "pan_os": Example("pan-7.1.log", "pan-10.1.log", ",TRAFFIC,end,", ",TRAFFIC,start,"),
    "strata": Example("strata.json", "strata-firehose", '"LogType": "TRAFFIC"', '"LogType": "SYSTEM"'),
    "suricata": Example("eve.json", "eve.json", '"event_type": "flow"', '"event_type": "dns"'),
    "vpc_flow_logs": Example("flow-v5.log", "flow.log.parquet", " OK ", " NODATA "),
    "zeek": Example("conn.log", "conn.json"),
}


def drawn(day: Interval) -> list[Connection]:
    """Return the connections of a day."""
    return connections(COUNT, day, seed=day.start.day)


def files(source: str) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of each file of a source."""
    example = EXAMPLES[source]
    for day, name in zip(DAYS, (example.first, example.second), strict=True):
        log = next(each for each in LOGS if each.name == name)
        content = log.write(drawn(day), day)
        if day == DAYS[0]:
            content = b"\n".join([content.rstrip(b"\n"), *_odd_rows(log, example, drawn(day)[-1:], day), b""])
        yield f"{day.start:%Y-%m-%d}_{name}", content


def _odd_rows(log: Log, example: Example, found: Sequence[Connection], day: Interval) -> Iterator[bytes]:
    row = log.write(found, day).decode().splitlines()[-1]
    yield row.replace(found[0].source, "nowhere").encode()
    if example.word:
        yield row.replace(example.word, example.replaced_by).encode()


def main() -> None:
    """Write all files."""
    for source in EXAMPLES:
        folder = FOLDER / source
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files(source):
            (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
