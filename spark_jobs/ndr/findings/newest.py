"""The newest day of FG-C, its hosts and pairs by their largest score."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pyarrow import fs

from ndr.contract.datasets import FG_C_HOSTS, FG_C_PAIRS
from ndr.contract.errors import InsufficientHistoryError
from ndr.contract.jobspecs import JobSpec
from ndr.contract.time import DAY, Interval, interval_of
from ndr.findings.build import Builder
from ndr.findings.finding import Findings
from ndr.findings.machines import names_of
from ndr.findings.place import FindingsPlace
from ndr.findings.scored import largest, scored_pieces, scored_rows
from ndr.findings.suppressing import Suppressor
from ndr.store.manifest import readable_manifests
from ndr.store.storage import join, list_names


def newest_findings(jobspecs: Mapping[str, JobSpec[Any]], count: int = 10, now: datetime | None = None) -> Findings:
    """Return the largest scores of the 24 hours before the newest scores, whether they pass the thresholds or not.

    Parameters
    ----------
    jobspecs : mapping
        The checked set; it names the prefixes of the scores and the baselines.
    count : int
        Maximum number of hosts, and of pairs.
    now : datetime, optional
        Decides which suppressions have expired; the time of the call by default.

    Raises
    ------
    InsufficientHistoryError
        There are no scores: the project has no fg_c_builder JobSpec, or nothing was built since it was put.
    """
    place = FindingsPlace.of(jobspecs)
    end = newest_end(place.fg_c)
    if end is None:
        raise InsufficientHistoryError(f"No score is published below {place.fg_c}; run `ndr run mini-batch` first.")
    return ranked(place, Interval(end - DAY, end), count, now or datetime.now(UTC))


def ranked(place: FindingsPlace, interval: Interval, count: int, now: datetime) -> Findings:
    """Return the hosts and pairs with the largest scores of an interval."""
    suppressor = Suppressor(place.suppressions.active(now), place.networks)
    pieces = scored_pieces(place, interval)
    hosts, pairs = (
        suppressor.of(scored_rows(pieces, dataset, place.thresholds)) for dataset in (FG_C_HOSTS, FG_C_PAIRS)
    )
    first = [largest(each.rows, each.key).slice(0, count) for each in (hosts, pairs)]
    addresses = [*first[0]["host_ip"].to_pylist(), *first[1]["src_ip"].to_pylist()]
    builder = Builder(place, pieces, names_of(place, interval, addresses))
    return Findings(
        interval,
        tuple(builder.hosts(first[0], hosts)),
        tuple(builder.pairs(first[1], pairs)),
        hosts.entities,
        pairs.entities,
        suppressor.counted(),
        place.suppressions.expired(now),
    )


def newest_end(prefix: str) -> datetime | None:
    """Return the end of the newest partition of a time-partitioned dataset, or None if nothing is published."""
    folders = [name for name in list_names(prefix, kind=fs.FileType.Directory) if name.startswith("dt=")]
    for folder in reversed(folders):
        names = list_names(join(prefix, folder), kind=fs.FileType.Directory)
        uris = [join(prefix, folder, name) for name in names if interval_of(name)]
        ends = [manifest.end for manifest in readable_manifests(uris) if manifest]
        if ends:
            return max(ends)
    return None
