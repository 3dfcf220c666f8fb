"""Compaction makes nothing stale, and what is stale stays so until it is built again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.jobs.job_chain import Project, random_flows

from ndr.contract.datasets import FG_A, PAIR_COUNTS
from ndr.contract.time import DAY, SLICE, Interval, merged, parse_instant
from ndr.jobs.compaction.job import Compacted, compact_days
from ndr.jobs.fg_a.days import inputs_of
from ndr.jobs.published_deltas import PublishedDeltas
from ndr.jobs.repairs import outdated_intervals
from ndr.store.catalog import delivered_intervals, pieces_answers, pieces_coverage, published_pieces

MIDNIGHT = parse_instant("2026-01-05")
TODAY = Interval(MIDNIGHT, MIDNIGHT + DAY)
SPECS = {"fg_a_builder": {"windows": ["15m", "30m"], "novelty": {"lookback_days": 2}}}


def slices(first: int, last: int) -> Interval:
    return Interval(MIDNIGHT + first * SLICE, MIDNIGHT + last * SLICE)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Two slices of the evening before and five of the day, each built when it was delivered."""
    project = Project(tmp_path, SPECS)
    for number in range(-2, 5):
        project.deliver(slices(number, number + 1), random_flows(slices(number, number + 1), 12, seed=number + 9))
        project.fifteen_minute_steps(slices(number, number + 1))
    return project


def outdated(project: Project) -> dict[str, list[Interval]]:
    """What a mini-batch of the day's tenth slice would build again."""
    batch, spec, run = slices(9, 10), project.spec("fg_a_builder"), project.run("fg_a_builder")
    reaches = {
        FG_A.name: (FG_A, lambda interval: inputs_of(interval, spec)),
        PAIR_COUNTS.name: (PAIR_COUNTS, lambda interval: interval),
    }
    return {
        name: [
            part
            for part, _ in outdated_intervals(
                run,
                project.uri(name),
                dataset,
                PublishedDeltas.of(project.uri("deltas"), run.owner, batch),
                batch,
                reach,
            )
        ]
        for name, (dataset, reach) in reaches.items()
    }


def compact(project: Project) -> None:
    done = list(compact_days(project.run("compaction"), Interval(TODAY.start - DAY, TODAY.end)))
    assert all(isinstance(each, Compacted) for each in done)


def lineage(project: Project, name: str) -> object:
    return pieces_answers(published_pieces(project.uri(name), TODAY)).within(TODAY)


def test_what_is_up_to_date_stays_so_and_what_is_stale_stays_stale(project: Project) -> None:
    assert outdated(project) == {"fg_a": [], "pair_counts": []}
    project.deltas(slices(1, 2))
    stale = outdated(project)
    assert stale == {"fg_a": [slices(1, 5)], "pair_counts": [slices(1, 2)]}, "features read the day from midnight on"
    lines = {name: lineage(project, name) for name in ("deltas", "fg_a", "pair_counts")}

    compact(project)

    assert outdated(project) == stale
    assert {name: lineage(project, name) for name in lines} == lines
    compact(project)
    project.deltas(slices(2, 3))
    changed = outdated(project)
    assert changed == {"fg_a": [slices(1, 5)], "pair_counts": [slices(1, 3)]}
    compact(project)
    assert outdated(project) == changed

    project.fg_a(slices(1, 5))
    project.pair_counts(slices(1, 3))
    assert outdated(project) == {"fg_a": [], "pair_counts": []}
    compact(project)
    assert outdated(project) == {"fg_a": [], "pair_counts": []}


def test_a_change_of_the_lookback_that_came_before_the_compaction_is_seen_after_it(project: Project) -> None:
    before = project.root / "fg_a"
    project.deltas(slices(-2, -1))
    features = published_pieces(before.as_uri(), TODAY)
    compact(project)
    assert outdated(project)["fg_a"] == [slices(-2, 0), slices(0, 5)], "it is in all lookbacks and in windows"
    (piece,) = published_pieces(before.as_uri(), TODAY)
    assert len(features) == 5
    assert all(version.outdated_reads for version in piece.partition.manifest.compacted_versions)


def test_manifests_of_before_ranges_were_recorded_are_compacted_with_what_they_name(project: Project) -> None:
    for path in (project.root / "pair_counts").rglob("_manifest.json"):
        document = json.loads(path.read_text())
        del document["reads"]
        path.write_text(json.dumps(document))
    project.deltas(slices(1, 2))
    stale = outdated(project)
    assert stale["pair_counts"] == [slices(1, 2)]
    compact(project)
    assert outdated(project) == stale
    project.deltas(slices(3, 4))
    assert outdated(project)["pair_counts"] == [slices(1, 2), slices(3, 4)]


def test_coverage_is_that_of_the_versions(project: Project) -> None:
    project.deltas(slices(6, 7), replace_with_empty=True)  # nothing was delivered: coverage 0
    project.deltas(slices(5, 6), replace_with_empty=True)
    uri, spans = project.uri("deltas"), (slices(0, 7), slices(4, 6), slices(5, 7), TODAY)
    before = [pieces_coverage(published_pieces(uri, span), span) for span in spans]
    delivered = merged(delivered_intervals(published_pieces(uri, TODAY)))
    compact(project)
    assert [pieces_coverage(published_pieces(uri, span), span) for span in spans] == before == [5 / 7, 0.5, 0, 5 / 96]
    (piece,) = published_pieces(uri, TODAY)
    assert piece.partition.manifest.coverage == 5 / 7
    assert merged(delivered_intervals([piece])) == delivered == [slices(0, 5)]
