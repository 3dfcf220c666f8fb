"""Which published partitions are stale, judged by the inputs of the days that were read and no others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ndr.contract.lineage import Answers, is_stale, newest_first
from ndr.contract.manifest import InputRange, Manifest
from ndr.contract.time import DAY, Interval, ceil_to, day_text, floor_to, merged


def stale_parts(
    partitions: Iterable[tuple[str, Manifest]], now: Mapping[str, Answers], read: Interval
) -> list[Interval]:
    """Return the times for which a stale partition answers, in order.

    Parameters
    ----------
    partitions : iterable of (str, Manifest)
        Of one dataset.
    now : mapping of str to Answers
        What answers now, by dataset, over `read`.
    read : Interval
        The days whose manifests were read. Inputs outside it are not compared.
    """
    cut = newest_first(partitions, read, lambda each: each[1].interval, lambda each: each[1].age)
    stale: dict[str, bool] = {}
    for (uri, manifest), _ in cut:
        if uri not in stale:
            stale[uri] = is_stale_within(manifest, now, read)
    return merged(part for (uri, _), part in cut if stale[uri])


def is_stale_within(manifest: Manifest, now: Mapping[str, Answers], read: Interval) -> bool:
    """Tell whether a partition is stale as far as its inputs lie in `read`."""
    reads = tuple(cut for asked in manifest.reads if (cut := _within(asked, read)))
    if manifest.reads:
        return bool(reads) and is_stale(manifest.model_copy(update={"reads": reads}), now)
    return is_stale(manifest, now)


def lacks_an_input(manifest: Manifest, now: Mapping[str, Answers], read: Interval) -> bool:
    """Tell whether a partition whose manifest has no ranges lacks the version of an input that answers now.

    Only a dataset of which the manifest names a partition is compared, over the partition's own time.
    """
    span = manifest.interval.intersection(read)
    if span is None:
        return False
    named = {(entry.uri.rstrip("/"), entry.run_id) for entry in manifest.inputs if entry.run_id}
    answering = {(answer.uri, answer.run_id) for answers in now.values() for answer in answers.within(span)}
    return not answering <= named


def _within(asked: InputRange, read: Interval) -> InputRange | None:
    """Cut a range of inputs to the days that were read; digests are of whole days, or of the ends of the range."""
    both = asked.interval.intersection(read)
    if both is None:
        return None
    if asked.day_digests is None:
        answers = tuple(cut for answer in asked.answers if (cut := answer.within(both)))
        return asked.model_copy(update={"start": both.start, "end": both.end, "answers": answers})
    start = both.start if both.start == asked.start else ceil_to(both.start, DAY)
    end = both.end if both.end == asked.end else floor_to(both.end, DAY)
    if start >= end:
        return None
    days = {day_text(day.start) for day in Interval(start, end).steps(DAY)}
    digests = {day: digest for day, digest in asked.day_digests.items() if day in days}
    return asked.model_copy(update={"start": start, "end": end, "day_digests": digests})
