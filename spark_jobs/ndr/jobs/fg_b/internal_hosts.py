"""FG-A rows of hosts that are internal now: published rows are, unless the networks have changed since."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ndr.contract.networks import NetworkLists
from ndr.jobs.fg_b.placement import RowKeys
from ndr.jobs.fg_b.row_columns import Selection
from ndr.net.networks import is_internal

Flags = NDArray[np.bool_]


def of_internal_hosts(
    keys: RowKeys, selections: Sequence[Selection], networks: NetworkLists | None
) -> tuple[RowKeys, list[Selection]]:
    """Return the rows of internal hosts; texts and window ends of the others stay, without rows.

    Without networks the hosts are keys of machines, and all are internal.
    """
    if networks is None:
        return keys, list(selections)
    internal = is_internal(keys.texts["host_ip"], networks)
    if internal.all():
        return keys, list(selections)
    return chosen_rows(keys, selections, internal[keys.codes["host_ip"]])


def chosen_rows(keys: RowKeys, selections: Sequence[Selection], kept: Flags) -> tuple[RowKeys, list[Selection]]:
    """Return the rows that are marked; texts and window ends of the others stay, without rows."""
    if kept.all():
        return keys, list(selections)
    of_piece = np.split(kept, keys.piece_starts[1:-1])
    pieces = [(selection, own) for selection, own in zip(selections, of_piece, strict=True) if own.any()]
    found = RowKeys(
        codes={name: codes[kept] for name, codes in keys.codes.items()},
        texts=keys.texts,
        end_codes=keys.end_codes[kept],
        ends=keys.ends,
        piece_starts=np.cumsum([0, *(own.sum() for _, own in pieces)]),
    )
    return found, [Selection(selection.piece, _narrowed(selection.mask, own)) for selection, own in pieces]


def _narrowed(mask: Flags | None, own: Flags) -> Flags:
    """Return the rows of a piece that are marked, and among these in `own`."""
    if mask is None:
        return own
    narrowed = mask.copy()
    narrowed[mask] = own
    return narrowed
