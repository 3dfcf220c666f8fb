"""The activity of each peer, port, pair and segment before the earliest window of a call, as masks of UTC days.

History is given as slices (peer deltas), as the masks of a pair baseline, or as both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from ndr.contract.time import DAY, DAY_MICROSECONDS, SLICE, SLICES_PER_DAY, WINDOWS, Interval, floor_to
from ndr.jobs.fg_a.codes import Integers, integers, ports, slice_numbers
from ndr.jobs.fg_a.host_roles import INBOUND, OUTBOUND
from ndr.jobs.fg_a.novel_rows import ByKind, NovelRows
from ndr.jobs.fg_a.novelty import last_day
from ndr.jobs.fg_a.peers import PeerCodes
from ndr.jobs.fg_a.windows import Frame

MASK_BITS: Final = 63


class HistoryNeeded(NamedTuple):
    """The end of the pair baseline to use, or None, and the instant from which peer deltas must be read."""

    baseline_end: datetime | None
    slices_from: datetime


def history_needed(
    batch: Interval, windows: Iterable[str], lookback_days: int, newest_baseline_ends: Iterable[datetime]
) -> HistoryNeeded:
    """Say which pair baseline (horizon 30d) serves a batch's novelty, and from when slices must.

    A baseline serves when it ends at or before midnight UTC of the day on which the batch's earliest window
    starts, since later ones no longer reach back over the whole lookback of that window; and when it ends inside
    the lookback, since an earlier one tells nothing.

    Parameters
    ----------
    batch : Interval
        The batch, whole slices.
    windows : iterable of str
        Window labels of the JobSpec.
    lookback_days : int
        1 to 30.
    newest_baseline_ends : iterable of datetime
        Ends of the pair baselines that are published, in any order.
    """
    earliest = batch.start + SLICE - max(WINDOWS[label] for label in windows)
    midnight = floor_to(earliest, DAY)
    oldest = midnight - lookback_days * DAY
    serving = [end for end in newest_baseline_ends if oldest < end <= midnight]
    return HistoryNeeded(max(serving), max(serving)) if serving else HistoryNeeded(None, oldest)


def masks(frame: Frame, rows: NovelRows, slices: Sequence[pa.Table], baseline: pa.Table | None) -> ByKind:
    """Fold slices and a baseline into masks, one for each value; bit i is the day i days before the call's last.

    Parameters
    ----------
    slices : sequence of Table
        Peer deltas (host_ip, role, peer_ip, peer_port, slice_start), with HOST where hosts are machines. Rows from
        `frame.first_slice` on are ignored: they are in the windows themselves.
    baseline : Table or None
        Pair baseline rows (src_ip, dst_ip, dst_port, active_days_mask, baseline_end), or where hosts are machines rows
        of `peer_history` (HOST, role, peer_ip, peer_port, active_days_mask, baseline_end). Days from the earliest
        window's own on are ignored.
    """
    values = (rows.peers, rows.ports, rows.pairs, rows.segments)
    found = ByKind(*(np.zeros(len(each.keys), dtype=np.int64) for each in values))
    for table in slices:
        _fold_slices(found, frame, rows, table)
    if baseline is not None and baseline.num_rows:
        days = _days_before(frame, baseline)
        if rows.owners is None:
            _fold_pairs(found, rows, baseline, days)
        else:
            _fold_peers(found, rows, baseline, days)
    return found


def _fold_slices(found: ByKind, frame: Frame, rows: NovelRows, table: pa.Table) -> None:
    numbers = slice_numbers(table)
    days_ago = last_day(frame) - numbers // SLICES_PER_DAY
    kept = np.flatnonzero((numbers < frame.first_slice) & (days_ago < MASK_BITS))
    if not kept.size:
        return
    kept, owners = rows.owners_of(table, kept)
    peers = rows.rows.recoded(table, "peer_ip", kept)
    _fold(found, rows, owners, peers, ports(table, "peer_port")[kept], np.int64(1) << days_ago[kept])


def _days_before(frame: Frame, baseline: pa.Table) -> Integers:
    """Return the days of a baseline's rows before midnight of the earliest window's start: from there on, only slices
    can tell what was before a window."""
    first_day_ago = last_day(frame) - frame.first_slice // SLICES_PER_DAY
    days: Integers = days_of_baseline(baseline, last_day(frame)) >> (first_day_ago + 1) << (first_day_ago + 1)
    return days


def _fold_pairs(found: ByKind, rows: NovelRows, baseline: pa.Table, days: Integers) -> None:
    port = ports(baseline, "dst_port")
    for role, host, peer in ((OUTBOUND, "src_ip", "dst_ip"), (INBOUND, "dst_ip", "src_ip")):
        groups = rows.host_roles.groups_in_role(baseline, host, role)
        kept = np.flatnonzero((groups >= 0) & (days != 0))
        _fold(found, rows, groups[kept], rows.rows.recoded(baseline, peer, kept), port[kept], days[kept])


def _fold_peers(found: ByKind, rows: NovelRows, baseline: pa.Table, days: Integers) -> None:
    kept, owners = rows.owners_of(baseline, np.flatnonzero(days != 0))
    peers = rows.rows.recoded(baseline, "peer_ip", kept)
    _fold(found, rows, owners, peers, ports(baseline, "peer_port")[kept], days[kept])


def days_of_baseline(baseline: pa.Table, day: int) -> Integers:
    """Return each row's active days as a mask whose bit i is the day i days before `day`."""
    last_days = (integers(baseline, "baseline_end") - 1) // DAY_MICROSECONDS
    shift = day - last_days
    mask = integers(baseline, "active_days_mask")
    older = np.where(shift < MASK_BITS, mask << np.clip(shift, 0, MASK_BITS), 0) & np.iinfo(np.int64).max
    return np.where(shift >= 0, older, mask >> np.clip(-shift, 0, MASK_BITS))


def _fold(found: ByKind, rows: NovelRows, owners: Integers, peers: PeerCodes, port: Integers, days: Integers) -> None:
    """Or the days of (owner, peer, port) rows into the masks of the values that the windows hold."""
    for masks_of, codes in zip(found, rows.codes_of(owners, peers, port), strict=True):
        np.bitwise_or.at(masks_of, codes[codes >= 0], days[codes >= 0])
