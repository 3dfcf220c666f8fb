"""The newest day of FG-C, its hosts and pairs by their largest score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import fs

from ndr.contract.datasets import FG_C_HOSTS, FG_C_PAIRS, Dataset
from ndr.contract.errors import InsufficientHistoryError
from ndr.contract.horizons import HORIZONS
from ndr.contract.jobspecs import FG_B_BUILDER, FG_C_BUILDER, JobSpecs
from ndr.contract.time import DAY, Interval, interval_of
from ndr.store.catalog import newest_baseline
from ndr.store.manifest import read_manifests
from ndr.store.publish import table_files
from ndr.store.scan import Scan
from ndr.store.storage import filesystem, join, list_names


@dataclass(frozen=True, slots=True)
class HostFinding:
    """A host at its largest score of the day; `p_value` is None with too few scores of earlier days."""

    host_ip: str
    machine_name: str | None
    window_end: datetime
    score: float
    p_value: float | None
    sentence: str


@dataclass(frozen=True, slots=True)
class PairFinding:
    """A pair at its largest score of the day, with the machine of its source."""

    src_ip: str
    machine_name: str | None
    dst_ip: str
    dst_port: int
    window_end: datetime
    score: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Findings:
    """The findings of a day, and the number of hosts and pairs that were scored."""

    day: Interval
    hosts: tuple[HostFinding, ...]
    pairs: tuple[PairFinding, ...]
    hosts_scored: int
    pairs_scored: int


def newest_findings(jobspecs: JobSpecs, count: int = 10) -> Findings:
    """Return the findings of the 24 hours before the newest scores.

    Parameters
    ----------
    jobspecs : mapping
        The checked set; it names the prefixes of the scores and the baselines.
    count : int
        Maximum number of hosts, and of pairs.

    Raises
    ------
    InsufficientHistoryError
        There are no scores: the project has no fg_c_builder JobSpec, or nothing was built since it was put.
    """
    if FG_C_BUILDER not in jobspecs:
        raise InsufficientHistoryError(
            "The project has no fg_c_builder JobSpec, so nothing is scored; put one with `ndr jobspec put`."
        )
    prefix = jobspecs[FG_C_BUILDER].spec.outputs.fg_c
    end = newest_end(prefix)
    if end is None:
        raise InsufficientHistoryError(f"No score is published below {prefix}; run `ndr run mini-batch` first.")
    day = Interval(end - DAY, end)
    names = _machine_names(jobspecs[FG_B_BUILDER].spec.outputs.fg_b, end)
    hosts, hosts_scored = _largest(prefix, FG_C_HOSTS, day, count)
    pairs, pairs_scored = _largest(prefix, FG_C_PAIRS, day, count)
    return Findings(
        day,
        tuple(HostFinding(machine_name=names.get(row["host_ip"]), **row) for row in hosts),
        tuple(PairFinding(machine_name=names.get(row["src_ip"]), **row) for row in pairs),
        hosts_scored,
        pairs_scored,
    )


def newest_end(prefix: str) -> datetime | None:
    """Return the end of the newest partition of a time-partitioned dataset, or None if nothing is published."""
    folders = [name for name in list_names(prefix, kind=fs.FileType.Directory) if name.startswith("dt=")]
    for folder in reversed(folders):
        names = list_names(join(prefix, folder), kind=fs.FileType.Directory)
        uris = [join(prefix, folder, name) for name in names if interval_of(name)]
        ends = [manifest.end for manifest in read_manifests(uris) if manifest]
        if ends:
            return max(ends)
    return None


def _largest(prefix: str, dataset: Dataset, day: Interval, count: int) -> tuple[Sequence[dict[str, Any]], int]:
    """Return each key's row with the largest score of the day, the largest first, and the number of keys."""
    columns = [*dataset.key, "score", *(["p_value"] if "p_value" in dataset.column_names else []), "sentence"]
    key = [name for name in dataset.key if name != dataset.time_column]
    table = Scan.of(prefix, dataset, day, columns).read().select(columns)
    plain = table.cast(pa.schema([(field.name, _plain(field.type)) for field in table.schema]))
    best = plain.group_by(key).aggregate([("score", "max")]).sort_by([("score_max", "descending")])
    found = []
    for row in best.slice(0, count).to_pylist():
        same = plain
        for name, value in (*((name, row[name]) for name in key), ("score", row["score_max"])):
            same = same.filter(pc.equal(same[name], value))
        found.append(same.sort_by([(dataset.key[-1], "ascending")]).slice(0, 1).to_pylist()[0])
    return [row for row in found if row["score"] > 0], best.num_rows


def _plain(type_: pa.DataType) -> pa.DataType:
    return type_.value_type if pa.types.is_dictionary(type_) else type_


def _machine_names(fg_b: str, end: datetime) -> dict[str, str]:
    """Return the machine of each address, as the newest baseline of the longest horizon says."""
    for horizon in sorted(HORIZONS, key=lambda label: HORIZONS[label], reverse=True):
        if baseline := newest_baseline(fg_b, horizon, end):
            tables = []
            for uri in table_files(baseline.uri, baseline.manifest, "ip_metadata"):
                system, path = filesystem(uri)
                tables.append(pq.read_table(path, filesystem=system, columns=["host_ip", "machine_name"]))
            rows = pa.concat_tables(tables).to_pylist()
            return {row["host_ip"]: row["machine_name"] for row in rows if row["machine_name"]}
    return {}
