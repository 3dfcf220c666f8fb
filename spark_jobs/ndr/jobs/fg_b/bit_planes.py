"""Order statistics of many baselines from one sort, compiled.

Bit b of a row's mask says whether baseline b contains the row. A group is sorted by value once; its masks, transposed,
are one bit plane for each baseline: the positions of the baseline's values in the sorted order. The value of any rank
is found by counting bits, a machine word at a time, without another sort. A mask holds 64 baselines.

The arithmetic is that of `order_statistics`, operation by operation, so that results are equal bit for bit.
"""

from __future__ import annotations

from typing import Final

import numba
import numpy as np

from ndr.jobs.fg_b.order_statistics import PERCENTS, WITH_ZEROS

MOST_BASELINES: Final = 64
# Segment groups up to this size are sorted here; larger ones are passed with their sort order.
SMALL_GROUP: Final = 64
STATISTICS: Final = len(PERCENTS) + 2  # of a baseline: its percentiles, its MAD, its percentile with zeros

_SHARES: Final = tuple(percent / 100 for percent in PERCENTS)
_MEDIAN: Final = PERCENTS.index(50)
_SHARE_WITH_ZEROS: Final = WITH_ZEROS / 100
_WORD: Final = 64
_ZERO, _ONE, _TWO, _FOUR = (np.uint64(number) for number in (0, 1, 2, 4))
_PAIRS, _QUADS, _BYTES = (np.uint64(mask) for mask in (0x5555555555555555, 0x3333333333333333, 0x0F0F0F0F0F0F0F0F))
_BYTE_SUM, _TOP_BYTE = np.uint64(0x0101010101010101), np.uint64(56)
_LOW_HALF, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)

_F, _I, _U = numba.float64[::1], numba.int64[::1], numba.uint64[::1]
_TABLE, _SQUARE = numba.int64[:, ::1], numba.float64[:, :, ::1]


@numba.njit(inline="always")
def _ones(word):  # type: ignore[no-untyped-def]
    """Count the bits of a word; compilers make one instruction of it."""
    word = word - ((word >> _ONE) & _PAIRS)
    word = (word & _QUADS) + ((word >> _TWO) & _QUADS)
    word = (word + (word >> _FOUR)) & _BYTES
    return np.int64((word * _BYTE_SUM) >> _TOP_BYTE)


@numba.njit(inline="always")
def _place(word):  # type: ignore[no-untyped-def]
    """Return the place of the lowest bit that is set."""
    return _ones((word & (~word + _ONE)) - _ONE)


@numba.njit(inline="always")
def _nth_place(word, number):  # type: ignore[no-untyped-def]
    """Return the place of the set bit before which `number` are set, by halving the word."""
    place, width = np.uint64(0), _HALF
    while width:
        in_low_half = _ones(word & ((_ONE << width) - _ONE))
        if number >= in_low_half:
            number -= in_low_half
            word >>= width
            place += width
        width >>= _ONE
    return np.int64(place)


@numba.njit
def _turn(square):  # type: ignore[no-untyped-def]
    """Transpose 64 words of 64 bits in place (Warren, Hacker's Delight, section 7-3)."""
    step, distance, mask = 32, _HALF, _LOW_HALF
    while step:
        for start in range(0, _WORD, 2 * step):
            for row in range(start, start + step):
                swapped = ((square[row] >> distance) ^ square[row + step]) & mask
                square[row] ^= swapped << distance
                square[row + step] ^= swapped
        step >>= 1
        distance >>= _ONE
        mask ^= mask << distance


@numba.njit
def _fill_planes(masks, baselines, planes):  # type: ignore[no-untyped-def]
    """Write the bit planes of sorted rows' masks: word i of baseline b at b * words + i."""
    words = (masks.size + _WORD - 1) // _WORD
    square = np.empty(_WORD, np.uint64)
    for word in range(words):
        first = word * _WORD
        rows = min(_WORD, masks.size - first)
        square[:rows] = masks[first : first + rows]
        square[rows:] = _ZERO
        _turn(square)
        for baseline in range(baselines):
            planes[baseline * words + word] = square[baseline]


@numba.njit
def _count_before(plane, before):  # type: ignore[no-untyped-def]
    """Write how many bits are set before each word; return how many are set at all."""
    total = 0
    for word in range(plane.size):
        before[word] = total
        total += _ones(plane[word])
    return total


@numba.njit
def _ranked(values, plane, before, rank):  # type: ignore[no-untyped-def]
    """Return the value of a rank among the values that the plane marks."""
    low, high = 0, plane.size - 1
    while low < high:
        middle = (low + high + 1) >> 1
        if before[middle] <= rank:
            low = middle
        else:
            high = middle - 1
    return values[low * _WORD + _nth_place(plane[low], rank - before[low])]


@numba.njit(inline="always")
def _between(lower, upper, weight):  # type: ignore[no-untyped-def]
    gap = upper - lower
    return upper - gap * (1 - weight) if weight >= 0.5 else lower + gap * weight


@numba.njit
def _percentile(values, plane, before, count, share):  # type: ignore[no-untyped-def]
    place = (count - 1) * share
    lower = np.int64(np.floor(place))
    first = _ranked(values, plane, before, lower)
    second = _ranked(values, plane, before, min(lower + 1, count - 1))
    return _between(first, second, place - lower)


@numba.njit
def _percentile_with_zeros(values, plane, before, count, zeros):  # type: ignore[no-untyped-def]
    """Return the percentile of `zeros` zeros and the values after them."""
    place = (count + zeros - 1) * _SHARE_WITH_ZEROS
    lower = np.int64(np.floor(place))
    upper = min(lower + 1, count + zeros - 1)
    first = 0.0 if lower < zeros else _ranked(values, plane, before, lower - zeros)
    second = 0.0 if upper < zeros else _ranked(values, plane, before, upper - zeros)
    return _between(first, second, place - lower)


@numba.njit
def _left(values, plane, before, size, last, rank, median):  # type: ignore[no-untyped-def]
    """Return the deviation of a rank among the values up to the median, nearest first."""
    return abs(_ranked(values, plane, before, last - rank) - median) if rank < size else np.inf


@numba.njit
def _right(values, plane, before, size, last, rank, median):  # type: ignore[no-untyped-def]
    """Return the deviation of a rank among the values past the median, nearest first."""
    return abs(_ranked(values, plane, before, last + rank + 1) - median) if rank < size else np.inf


@numba.njit
def _median_deviation(values, plane, before, count, median):  # type: ignore[no-untyped-def]
    """Return the median of |x - median|: bisect how many of the smallest deviations lie to the median's left."""
    place = (count - 1) * 0.5
    middle = np.int64(np.floor(place))
    weight = place - middle
    left_size, right_size = middle + 1, count - middle - 1
    low, high = max(0, middle - right_size), min(middle, left_size)
    while low < high:
        taken = (low + high) // 2
        on_left = _left(values, plane, before, left_size, middle, taken, median)
        if on_left < _right(values, plane, before, right_size, middle, max(middle - taken - 1, 0), median):
            low = taken + 1
        else:
            high = taken
    on_left = _left(values, plane, before, left_size, middle, low, median)
    on_right = _right(values, plane, before, right_size, middle, middle - low, median)
    lower = min(on_left, on_right)
    if weight == 0:
        return lower
    if on_left <= on_right:
        low += 1
    next_left = _left(values, plane, before, left_size, middle, low, median)
    next_right = _right(values, plane, before, right_size, middle, middle + 1 - low, median)
    return _between(lower, min(next_left, next_right), weight)


@numba.njit
def _all_baselines(values, masks, zeros, planes, before, statistics):  # type: ignore[no-untyped-def]
    """Write each baseline's statistics of one group's sorted values; a baseline without values is not written.

    A negative number of zeros: no percentile with zeros is wanted.
    """
    baselines, words = statistics.shape[0], (values.size + _WORD - 1) // _WORD
    _fill_planes(masks, baselines, planes)
    for baseline in range(baselines):
        plane = planes[baseline * words : (baseline + 1) * words]
        count = _count_before(plane, before)
        if count == 0:
            continue
        of_baseline = statistics[baseline]
        for number in range(len(_SHARES)):
            of_baseline[number] = _percentile(values, plane, before, count, _SHARES[number])
        of_baseline[len(_SHARES)] = _median_deviation(values, plane, before, count, of_baseline[_MEDIAN])
        if zeros[baseline] >= 0:
            of_baseline[len(_SHARES) + 1] = _percentile_with_zeros(values, plane, before, count, zeros[baseline])


@numba.njit
def _baselines_without_values(values, masks, support, zeros, planes, before, statistics):  # type: ignore[no-untyped-def]
    """Write the statistics of baselines in which every row with a value is capped, over all their rows.

    `values` are the group's, in any order, and `masks` the baselines that contain each row, capped or not.
    """
    wanted = _ZERO
    for baseline in range(support.size):
        if support[baseline] > 0 and np.isnan(statistics[baseline, _MEDIAN]):
            wanted |= _ONE << np.uint64(baseline)
    if wanted == _ZERO:
        return
    order = np.argsort(values)
    sorted_values, sorted_masks = np.empty(values.size), np.empty(values.size, np.uint64)
    for number in range(values.size):
        value = values[order[number]]
        sorted_values[number] = value
        sorted_masks[number] = masks[order[number]] & wanted if np.isfinite(value) else _ZERO
    _all_baselines(sorted_values, sorted_masks, zeros, planes, before, statistics)


@numba.njit
def _sort_small(values, order):  # type: ignore[no-untyped-def]
    """Fill `order` with the sort order of a few values, ascending, NaN last, by insertion sort."""
    for number in range(values.size):
        value, at = values[number], number
        while at > 0 and (value < values[order[at - 1]] or (np.isnan(values[order[at - 1]]) and not np.isnan(value))):
            order[at] = order[at - 1]
            at -= 1
        order[at] = number


@numba.njit
def _in_order(values, masks, order, sorted_values, sorted_masks):  # type: ignore[no-untyped-def]
    """Write values and masks in order; a missing value is in no baseline."""
    if values.size <= SMALL_GROUP:
        _sort_small(values, order)
    for number in range(values.size):
        row = order[number]
        value = values[row]
        sorted_values[number] = value
        sorted_masks[number] = masks[row] if np.isfinite(value) else _ZERO


@numba.njit(numba.void(_U, _I, _TABLE), nogil=True, cache=True)
def count_masks(masks, offsets, counts):  # type: ignore[no-untyped-def]
    """Add to `counts` (groups, baselines) how many rows of each group lie in each baseline; for masks mostly empty."""
    for group in range(offsets.size - 1):
        for row in range(offsets[group], offsets[group + 1]):
            mask = masks[row]
            while mask:
                counts[group, _place(mask)] += 1
                mask &= mask - _ONE


@numba.njit(numba.void(_F, _U, _I, _I, numba.int64, numba.float64, _U), nogil=True, cache=True)
def mark_anomalous(values, masks, order, offsets, baselines, limit, marked):  # type: ignore[no-untyped-def]
    """Set in `marked` the baselines in which a row's |x - median| / MAD of its group exceeds `limit`.

    In the sorted order these rows are a head and a tail, found by bisection.
    """
    for group in range(offsets.size - 1):
        first, stop = offsets[group], offsets[group + 1]
        rows = stop - first
        words = (rows + _WORD - 1) // _WORD
        sorted_values, sorted_masks = np.empty(rows), np.empty(rows, np.uint64)
        planes, before = np.empty(words * baselines, np.uint64), np.empty(words, np.int64)
        _in_order(values[first:stop], masks[first:stop], order[first:stop], sorted_values, sorted_masks)
        _fill_planes(sorted_masks, baselines, planes)
        for baseline in range(baselines):
            plane = planes[baseline * words : (baseline + 1) * words]
            count = _count_before(plane, before)
            if count == 0:
                continue
            median = _percentile(sorted_values, plane, before, count, 0.5)
            mad = _median_deviation(sorted_values, plane, before, count, median)
            if not mad > 0:
                continue
            bit = _ONE << np.uint64(baseline)
            number = 0
            while number < rows and not abs(sorted_values[number] - median) / mad <= limit:
                marked[first + order[first + number]] |= sorted_masks[number] & bit
                number += 1
            number = rows - 1
            while number >= 0 and not abs(sorted_values[number] - median) / mad <= limit:
                marked[first + order[first + number]] |= sorted_masks[number] & bit
                number -= 1


@numba.njit
def _deal_to_hosts(values, masks, order, offsets, host_values, host_masks):  # type: ignore[no-untyped-def]
    """Distribute the sorted values of a segment group to its hosts, whose rows start at `offsets`.

    `masks` are in the order of the rows; a missing value is in no baseline.
    """
    host_of, cursor = np.empty(values.size, np.int32), offsets - offsets[0]
    for host in range(offsets.size - 1):
        host_of[offsets[host] - offsets[0] : offsets[host + 1] - offsets[0]] = host
    for number in range(values.size):
        host = host_of[order[number]]
        host_values[cursor[host]] = values[number]
        host_masks[cursor[host]] = masks[order[number]] if np.isfinite(values[number]) else _ZERO
        cursor[host] += 1


@numba.njit(numba.void(_F, _I, _I, _TABLE, _TABLE, _TABLE), nogil=True, cache=True)
def count_disjoint(values, ends, lengths, starts, stops, counts):  # type: ignore[no-untyped-def]
    """Write each group's disjoint windows with a finite value in each baseline: `disjoint_windows`, compiled.

    Parameters
    ----------
    values : float64[rows]
    ends : int64[rows]
        Window ends, ascending within a group.
    lengths : int64[groups]
        Of the windows of each group, in the unit of the ends.
    starts, stops : int64[groups, baselines]
        Where the rows of a group in a baseline start and stop.
    counts : int64[groups, baselines]
    """
    for group in range(lengths.size):
        for baseline in range(counts.shape[1]):
            count, free = 0, np.iinfo(np.int64).min
            for row in range(starts[group, baseline], stops[group, baseline]):
                if ends[row] >= free and np.isfinite(values[row]):
                    count += 1
                    free = ends[row] + lengths[group]
            counts[group, baseline] = count


@numba.njit(
    numba.void(_F, _U, _U, _U, _I, _I, _I, _TABLE, _TABLE, _TABLE, _TABLE, _SQUARE, _SQUARE), nogil=True, cache=True
)
def describe_groups(  # type: ignore[no-untyped-def]
    values,
    masks,
    host_masks,
    segment_masks,
    order,
    offsets,
    segment_groups,
    host_support,
    segment_support,
    host_zeros,
    segment_zeros,
    host,
    segment,
):
    """Write the statistics of each host group and each segment group in every baseline.

    Parameters
    ----------
    values : float64[rows]
        A metric over whole segment groups.
    masks, host_masks, segment_masks : uint64[rows]
        The baselines that contain a row, and those in which it counts for its host and for its segment.
    order : int64[rows]
        The sort order of the values within each segment group, relative to its first row. Overwritten in small groups.
    offsets : int64[host groups + 1]
        Where each host group starts among the rows.
    segment_groups : int64[segment groups + 1]
        The first host group of each segment group.
    host_support, segment_support : int64[groups, baselines]
        0 where a baseline has no value.
    host_zeros, segment_zeros : int64[groups, baselines]
        The zeros of each group for the percentile with zeros; negative where it is not wanted.
    host, segment : float64[groups, baselines, STATISTICS]
        Not written where a baseline has no value.
    """
    for group in range(segment_groups.size - 1):
        first_host, last_host = segment_groups[group], segment_groups[group + 1]
        first, stop = offsets[first_host], offsets[last_host]
        words = (stop - first + _WORD - 1) // _WORD
        sorted_values, sorted_masks = np.empty(stop - first), np.empty(stop - first, np.uint64)
        dealt_values, dealt_masks = np.empty(stop - first), np.empty(stop - first, np.uint64)
        planes, before = np.empty(words * host.shape[1], np.uint64), np.empty(words, np.int64)
        own_values, own_masks, own_order = values[first:stop], masks[first:stop], order[first:stop]
        _in_order(own_values, segment_masks[first:stop], own_order, sorted_values, sorted_masks)
        _all_baselines(sorted_values, sorted_masks, segment_zeros[group], planes, before, segment[group])
        _baselines_without_values(
            own_values, own_masks, segment_support[group], segment_zeros[group], planes, before, segment[group]
        )
        of_group = offsets[first_host : last_host + 1]
        _deal_to_hosts(sorted_values, host_masks[first:stop], own_order, of_group, dealt_values, dealt_masks)
        for member in range(first_host, last_host):
            own = slice(offsets[member] - first, offsets[member + 1] - first)
            _all_baselines(dealt_values[own], dealt_masks[own], host_zeros[member], planes, before, host[member])
            _baselines_without_values(
                own_values[own], own_masks[own], host_support[member], host_zeros[member], planes, before, host[member]
            )
