"""Suppressions applied to rows of scores: whole rows leave, or single reasons of hosts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ndr.contract.datasets import FG_C_HOSTS
from ndr.contract.jobspecs.networks import Networks
from ndr.contract.jobspecs.suppressions import Suppression
from ndr.findings.finding import Suppressed
from ndr.findings.scored import DAY_NUMBER, IS_FINDING, ScoredRows
from ndr.net.networks import are_within, segment_ids

Flags = NDArray[np.bool_]


@dataclass
class Suppressor:
    """Applies the active suppressions, and counts by name the findings that each removed.

    Attributes
    ----------
    active : mapping of str to Suppression
        By name, in the order in which they are tried.
    networks : Networks
        Tell of which segment an address is.
    """

    active: Mapping[str, Suppression]
    networks: Networks
    removed: Counter[str] = field(default_factory=Counter)

    def of(self, scored: ScoredRows) -> ScoredRows:
        """Return the rows that are not suppressed."""
        names = {name: each for name, each in self.active.items() if scored.dataset is FG_C_HOSTS or not each.metric}
        if scored.dataset is FG_C_HOSTS:
            names = {name: each for name, each in names.items() if not each.is_of_pairs}
        if not names or not scored.rows.num_rows:
            return scored
        rows, by = scored.rows, np.full(scored.rows.num_rows, "", object)
        metrics: list[dict[str, str]] = [{} for _ in range(rows.num_rows)]
        for name, each in names.items():
            fits = matching(rows, each, self.networks)
            if each.metric:
                for row in np.flatnonzero(fits).tolist():
                    metrics[row].setdefault(each.metric, name)
            else:
                by[fits & (by == "")] = name
        is_left = by == ""
        left = _without_reasons(rows, metrics, by)
        is_left &= left["score"].to_numpy() > 0
        self._count(scored, left[IS_FINDING].to_numpy() & is_left, by)
        return replace(scored, rows=left.filter(pa.array(is_left)))

    def counted(self) -> tuple[Suppressed, ...]:
        """Return how many findings each suppression removed, by name."""
        return tuple(
            Suppressed(name, each.owner, each.reason, each.expires, self.removed[name])
            for name, each in sorted(self.active.items())
        )

    def _count(self, scored: ScoredRows, after: Flags, by: NDArray[Any]) -> None:
        """Count the findings of which no row is left, each for what removed its first one."""
        keys = list(zip(*(scored.rows[name].to_pylist() for name in (*scored.key, DAY_NUMBER)), strict=True))
        told = {keys[row] for row in np.flatnonzero(after).tolist()}
        for row in np.flatnonzero(scored.rows[IS_FINDING].to_numpy() & ~after).tolist():
            if keys[row] not in told:
                told.add(keys[row])
                self.removed[str(by[row])] += 1


def matching(rows: pa.Table, suppression: Suppression, networks: Networks) -> Flags:
    """Tell which rows fit all that a suppression gives, without its metric."""
    is_pair = "src_ip" in rows.column_names
    host = "src_ip" if is_pair else "host_ip"
    fits = np.ones(rows.num_rows, bool)
    if suppression.cidr is not None:
        fits &= _are_within(rows[host], suppression.cidr)
    if suppression.segment is not None:
        fits &= _are_of_segment(rows[host], suppression.segment, networks)
    if suppression.destination is not None:
        fits &= _are_within(rows["dst_ip"], suppression.destination) if is_pair else False
    if suppression.port is not None:
        fits &= rows["dst_port"].to_numpy() == suppression.port if is_pair else False
    return fits


def _are_within(addresses: pa.ChunkedArray, network: str) -> Flags:
    coded = addresses.combine_chunks().dictionary_encode()
    return np.asarray(are_within(coded.dictionary, [network])[coded.indices.to_numpy()])


def _are_of_segment(addresses: pa.ChunkedArray, segment: str, networks: Networks) -> Flags:
    coded = addresses.combine_chunks().dictionary_encode()
    of_address = pc.equal(segment_ids(coded.dictionary, networks).dictionary_decode(), segment)
    return np.asarray(of_address.to_numpy(zero_copy_only=False)[coded.indices.to_numpy()])


def _without_reasons(rows: pa.Table, metrics: list[dict[str, str]], by: NDArray[Any]) -> pa.Table:
    """Take the reasons about suppressed metrics out of rows; `by` gets what made a row no finding any more.

    What remains is a finding while its score is at least the smallest one that is a finding: p values fall with scores.
    """
    places = [place for place, each in enumerate(metrics) if each and not by[place]]
    if not places:
        return rows
    scores = rows["score"].to_numpy()[rows[IS_FINDING].to_numpy()]
    least = float(scores.min()) if len(scores) else np.inf
    changed = rows.take(pa.array(places)).to_pylist()
    for place, row in zip(places, changed, strict=True):
        gone = [reason["metric"] for reason in row["reasons"] if reason["metric"] in metrics[place]]
        if gone:
            was_finding = row[IS_FINDING]
            _take_out(row, set(gone), least)
            if not row["reasons"] or (was_finding and not row[IS_FINDING]):
                by[place] = metrics[place][gone[0]] if was_finding else by[place]
    others = np.setdiff1d(np.arange(rows.num_rows), places).tolist()
    both = pa.concat_tables([rows.take(pa.array(others, pa.int64())), pa.Table.from_pylist(changed, rows.schema)])
    return both.take(pa.array(np.argsort([*others, *places])))


def _take_out(row: dict[str, Any], metrics: set[str], least: float) -> None:
    """Score a host anew without some reasons. Its p value was that of another score, so that it has none."""
    clauses = row["sentence"].removesuffix(".").split("; ")
    kept = [place for place, reason in enumerate(row["reasons"]) if reason["metric"] not in metrics]
    if len(clauses) == len(row["reasons"]):
        row["sentence"] = "; ".join(clauses[place] for place in kept) + "."
    row["reasons"] = [row["reasons"][place] for place in kept]
    row["score"] = sum(reason["contribution"] for reason in row["reasons"])
    row["p_value"] = None
    row[IS_FINDING] = row["score"] >= least
