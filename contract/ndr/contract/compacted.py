"""Compacted partitions: one partition in place of several, with no other meaning.

A compacted partition competes with other partitions as the versions that it was made of, each at its own age. So for
every instant the same version answers as without it, whatever was published while it was made, and a version that is
published later answers over it. Its manifest describes each version, so that what follows from a version's manifest
follows from the compacted one, too, when the version itself was swept.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ndr.contract.manifest import Answer, CompactedVersion, InputEntry, Manifest
from ndr.contract.time import EPOCH, Interval, unfilled

Age = tuple[datetime, str, datetime]
"""When a version was published; its run id, which decides between two of the same instant; and when it was compacted,
so that of two copies of one version the one that was compacted last is read."""


def ages_of(manifest: Manifest) -> list[tuple[Interval, Age]]:
    """Return the parts of a partition with their ages: one, unless it was compacted."""
    if not manifest.compacted_from:
        return [(manifest.interval, (manifest.published_at, manifest.run_id, EPOCH))]
    published = {version.name: version.published_at for version in manifest.compacted_versions}
    return [
        (answer.interval, (published[answer.uri, answer.run_id], answer.run_id, manifest.published_at))
        for answer in manifest.compacted_from
    ]


def versions_within(uri: str, manifest: Manifest, part: Interval) -> list[tuple[CompactedVersion, Answer]]:
    """Return the versions whose rows a part of a partition has, in time order, each with what it answers for."""
    if not manifest.compacted_from:
        answer = Answer(uri=uri, run_id=manifest.run_id, start=part.start, end=part.end)
        return [(_version_of(uri, manifest), answer)]
    known = {version.name: version for version in manifest.compacted_versions}
    cuts = (answer.within(part) for answer in manifest.compacted_from)
    return [(known[cut.uri, cut.run_id], cut) for cut in cuts if cut]


def described(manifest: Manifest, part: Interval) -> list[tuple[Manifest, Interval]]:
    """Return, of a part of a partition, the manifest of each version, and the time for which it answers.

    The manifest of a version that was compacted has no tables. Its reads are those of the compacted partition and the
    version's outdated ones: up to the end of the version they tell what its own did.
    """
    if not manifest.compacted_from:
        return [(manifest, part)]
    return [(_manifest_of(version, manifest), cut.interval) for version, cut in versions_within("", manifest, part)]


def expanded(partitions: Iterable[tuple[str, Manifest]]) -> list[tuple[str, Manifest]]:
    """Return the URI and manifest of each version that partitions hold, in place of the compacted ones."""
    return [
        pair
        for uri, manifest in partitions
        for pair in (
            [(version.uri, _manifest_of(version, manifest)) for version in manifest.compacted_versions]
            if manifest.compacted_from
            else [(uri, manifest)]
        )
    ]


def inputs_within(manifest: Manifest, part: Interval) -> list[InputEntry]:
    """Return the inputs of the versions that answer for a part of a partition."""
    return [entry for each, _ in described(manifest, part) for entry in each.inputs]


def covered_within(manifest: Manifest, part: Interval) -> float:
    """Return how many slices of a part of a partition its inputs covered."""
    if not manifest.compacted_from:
        return part.slice_count() * manifest.coverage
    return sum(cut.interval.slice_count() * each.coverage for each, cut in versions_within("", manifest, part))


def delivered_within(manifest: Manifest, part: Interval) -> list[Interval]:
    """Return the time of a part of a partition for which its inputs had anything."""
    told: Iterable[tuple[Manifest | CompactedVersion, Interval]] = [(manifest, part)]
    if manifest.compacted_from:
        told = ((version, cut.interval) for version, cut in versions_within("", manifest, part))
    return [
        delivered
        for each, cut in told
        if each.coverage > 0
        for delivered in unfilled(cut, [gap.interval for gap in each.undelivered])
    ]


def _version_of(uri: str, manifest: Manifest) -> CompactedVersion:
    return CompactedVersion(
        uri=uri,
        **{
            name: getattr(manifest, name)
            for name in (
                *("run_id", "start", "end", "published_at", "code_version"),
                *("coverage", "undelivered", "rows", "networks", "inputs"),
            )
        },
    )


def _manifest_of(version: CompactedVersion, compacted: Manifest) -> Manifest:
    return compacted.model_copy(
        update={
            "tables": {},
            "compacted_from": (),
            "compacted_versions": (),
            "note": None,
            **version.model_dump(
                include={"run_id", "start", "end", "published_at", "code_version", "coverage", "networks"}
            ),
            "undelivered": version.undelivered,
            "rows": version.rows,
            "inputs": version.inputs,
            "reads": (*compacted.reads, *version.outdated_reads),
        }
    )
