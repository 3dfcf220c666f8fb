"""Late data: files that came after their slice was published, and features whose inputs changed since.

A file is late when the partition that answers for its time does not name it, or names another version of it. That
holds for mini-batches and for rows that came with a mini-batch of another time (see LATE_FOLDER), and for a mini-batch
that was never built. What is built from it names it, and then it is late no longer.

Features are stale by lineage: what answers now for their inputs differs from what their manifest names.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

from ndr.contract.compacted import ages_of, expanded
from ndr.contract.datasets import DELTAS, FG_A, FG_C, PAIR_COUNTS
from ndr.contract.lineage import REPAIRED, Answers, answering, current_answers, outdated
from ndr.contract.manifest import InputEntry, Manifest
from ndr.contract.time import DAY, Interval, merged
from ndr.planner.covered import Covered
from ndr.planner.delivered_files import delivered_folders, out_of_batch_folders
from ndr.planner.feature_prefixes import FeaturePrefixes
from ndr.planner.folder import Folder
from ndr.planner.published import Published, read_published
from ndr.planner.time_folders import as_slices
from ndr.planner.whole_batches import whole_batches

SETTLED: Final = timedelta(hours=1)  # newer slices may still be in progress


@dataclass(frozen=True)
class LateData:
    """What is late or stale, and what there is to build it from.

    Attributes
    ----------
    late : tuple of Folder
    stale : tuple of Interval
        Times of FG-A, pair counts and scores whose inputs changed, or that were never built, older than REPAIRED.
    delivered : tuple of Interval
        The mini-batches that there are; in a layout by time the slices that files were delivered of.
    published : tuple of Interval
        The time of each partition of the deltas.
    unreadable : tuple of str
        A sentence for each manifest that could not be used.
    answers : mapping of str to Answers
        What answers now for the features that baselines read, by dataset.
    """

    late: tuple[Folder, ...] = ()
    stale: tuple[Interval, ...] = ()
    delivered: tuple[Interval, ...] = ()
    published: tuple[Interval, ...] = ()
    unreadable: tuple[str, ...] = ()
    answers: Mapping[str, Answers] = field(default_factory=dict)

    @cached_property
    def batches(self) -> list[Interval]:
        """Return the batches that build the late and stale features again."""
        return whole_batches(self._wanted, [*self.delivered, *self._alone])

    @property
    def _wanted(self) -> list[Interval]:
        return [*(folder.interval for folder in self.late), *self.stale]

    @property
    def _alone(self) -> list[Interval]:
        """Return slices of which nothing but out-of-batch rows was ever delivered or published."""
        known = Covered.of([*self.delivered, *self.published])
        return [each.interval for each in self.late if not known.meets(each.interval)]

    @property
    def stranded(self) -> list[Interval]:
        """Return times that cannot be built again, because the mini-batch they were built from is gone."""
        batches = Covered.of(self.batches)
        return [each for each in self._wanted if not batches.meets(each)]


def find_late(s3: Any, prefixes: FeaturePrefixes, wanted: Interval) -> LateData:
    """Look for late files of mini-batches and slices of `wanted`, and for features of it that are stale."""
    folders = [folder for folder in delivered_folders(s3, prefixes, wanted) if _is_over(folder, wanted)]
    delivered = [folder.interval for folder in folders]
    out_of_batch = [folder for folder in out_of_batch_folders(s3, prefixes.deltas, wanted) if _is_over(folder, wanted)]
    deltas, fg_a, pairs = (
        read_published(s3, prefix, dataset.name, prefixes.owner, wanted)
        for prefix, dataset in ((prefixes.deltas, DELTAS), (prefixes.fg_a, FG_A), (prefixes.pair_counts, PAIR_COUNTS))
    )
    deltas = _versions(deltas)  # each has its own files
    scores = read_published(s3, prefixes.fg_c, FG_C, prefixes.owner, wanted) if prefixes.fg_c else None
    outdated_scores = _outdated_scores(scores, fg_a, pairs, wanted) if scores else []
    return LateData(
        late=tuple(late_folders([*folders, *out_of_batch], deltas.manifests)),
        stale=tuple(merged([*_outdated_features(prefixes, deltas, fg_a, pairs, wanted), *outdated_scores])),
        delivered=tuple(as_slices(delivered) if prefixes.layout else delivered),
        published=tuple(manifest.interval for _, manifest in deltas.manifests),
        unreadable=(*deltas.unreadable, *fg_a.unreadable, *pairs.unreadable, *(scores.unreadable if scores else ())),
        answers={
            FG_A.name: current_answers(fg_a.manifests, wanted),
            PAIR_COUNTS.name: current_answers(pairs.manifests, wanted),
        },
    )


def _versions(published: Published) -> Published:
    """Return the versions that compacted partitions were made of, in place of these."""
    return replace(published, manifests=tuple(expanded(published.manifests)))


def _is_over(folder: Folder, wanted: Interval) -> bool:
    return bool(folder.files) and folder.interval.end <= wanted.end


def _outdated_features(
    prefixes: FeaturePrefixes, deltas: Published, fg_a: Published, pairs: Published, read: Interval
) -> list[Interval]:
    """Return the times of FG-A and pair counts to build again: stale, or not built though their deltas are published.

    Inputs outside `read` are not compared, since their manifests were not read.
    """
    if read.duration <= REPAIRED:
        return []
    older = Interval(read.start, read.end - REPAIRED)
    now = {DELTAS.name: current_answers(deltas.manifests, read)}
    farthest = (prefixes.lookback_days + 2) * DAY  # the lookback ends with a midnight, before windows of 24 hours

    def reach_of_windows(part: Interval) -> Interval:
        return Interval(max(read.start, part.start - farthest), part.end)

    reaches = ((fg_a, reach_of_windows), (pairs, lambda part: part))
    return merged(
        part
        for published, reach in reaches
        for part in outdated(_built(published, older), now, DELTAS.name, older, reach)
    )


def _outdated_scores(scores: Published, fg_a: Published, pairs: Published, read: Interval) -> list[Interval]:
    """Return the times of scores to build again: whose FG-A or pair counts changed, or that were not built.

    Scores that other baselines judged than those published now are left to the mini-batches, which score a week again:
    to build a batch again for it would make the baselines stale that its features are in.
    """
    if read.duration <= REPAIRED:
        return []
    older = Interval(read.start, read.end - REPAIRED)
    now = {FG_A.name: current_answers(fg_a.manifests, read), PAIR_COUNTS.name: current_answers(pairs.manifests, read)}

    def reach(part: Interval) -> Interval:
        return Interval(max(read.start, part.start - DAY), part.end)

    return outdated(_built(scores, older), now, FG_A.name, older, reach)


def _built(published: Published, wanted: Interval) -> list[tuple[Manifest, Interval]]:
    cut = answering(published.manifests, wanted, lambda each: ages_of(each[1]))
    return [(manifest, part) for (_, manifest), part in cut]


def late_folders(folders: Iterable[Folder], manifests: Iterable[tuple[str, Manifest]]) -> list[Folder]:
    """Return the folders of which a part of the time is answered for without all of their files, or not at all.

    Takes n log n steps for n folders and manifests, besides the answers that a folder meets.
    """
    given = list(folders)
    if not given:
        return []
    span = Interval(min(each.interval.start for each in given), max(each.interval.end for each in given))
    cut = answering(manifests, span, lambda each: ages_of(each[1]))
    ends = [part.end for _, part in cut]
    named: dict[str, dict[str, InputEntry]] = {}
    late = []
    for folder in given:
        at: datetime = folder.interval.start
        for (uri, manifest), part in cut[bisect_right(ends, at) :]:
            if part.start > at or at >= folder.interval.end:
                break
            entries = named.setdefault(uri, {entry.uri.rstrip("/"): entry for entry in manifest.inputs})
            if not _names(manifest, entries.get(folder.uri), folder):
                break
            at = part.end
        if at < folder.interval.end:
            late.append(folder)
    return late


def _names(manifest: Manifest, entry: InputEntry | None, folder: Folder) -> bool:
    if entry is None:
        return False
    if not entry.files:  # of before the files were noted: what is newer than the partition came after it
        return all(file.modified_at <= manifest.published_at for file in folder.files)
    return set(folder.files) <= set(entry.files)


def reached(batches: Iterable[Interval], summarized: Interval) -> bool:
    """Tell whether what a baseline summarizes holds a part of a batch."""
    return any(batch.intersection(summarized) for batch in batches)
