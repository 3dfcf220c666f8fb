"""How old the newest baseline is: of published ones, of none yet, of too little history."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from ndr.contract.horizons import HORIZONS
from ndr.contract.manifest import Manifest
from ndr.contract.time import DAY, parse_instant
from ndr.jobs.fg_b.published import baseline_age_days
from ndr.store.manifest import put_manifest
from ndr.store.partition import baseline_partition_uri
from ndr.store.storage import put_bytes

MONDAY = parse_instant("2026-03-02")


class Published:
    """Prefixes on this machine's disk."""

    def __init__(self, root: Path) -> None:
        self.fg_b, self.fg_a = f"{(root / 'fg_b').as_uri()}/", f"{(root / 'fg_a').as_uri()}/"

    def baseline(self, end: datetime) -> None:
        facts = {"project_name": "ndr-test", "feature_spec_version": "v1", "code_version": "c", "run_id": "r"}
        manifest = Manifest(
            dataset="fg_b", start=end - HORIZONS["30d"], end=end, tables={}, coverage=1.0, published_at=end, **facts
        )
        put_manifest(baseline_partition_uri(self.fg_b, "30d", end), manifest)

    def features(self, day: str) -> None:
        put_bytes(f"{self.fg_a}dt={day}/20260101T000000Z-PT15M/part.parquet", b"not read")

    def age(self, end: datetime) -> int:
        return baseline_age_days(self.fg_b, self.fg_a, "30d", end, 2 * DAY)


@pytest.fixture
def published(tmp_path: Path) -> Published:
    return Published(tmp_path)


def test_a_baseline_ages_by_the_day_until_the_next_is_there(published: Published) -> None:
    published.baseline(MONDAY)
    assert [published.age(MONDAY + days * DAY) for days in (0, 1, 7, 8)] == [0, 1, 7, 8]
    published.baseline(MONDAY + 7 * DAY)
    assert published.age(MONDAY + 8 * DAY) == 1
    assert published.age(MONDAY + 6 * DAY) == 6, "a later one is none"


def test_what_was_never_built_is_as_old_as_it_could_be(published: Published) -> None:
    published.features("2026-01-20")
    published.features("2026-01-10")
    assert published.age(parse_instant("2026-02-11")) == 0  # the 30 days and the gap of 2 are just complete
    assert published.age(parse_instant("2026-02-19")) == 8


def test_features_younger_than_the_horizon_and_none_at_all_are_no_news(published: Published) -> None:
    assert published.age(MONDAY) == 0
    published.features("2026-02-20")
    assert published.age(MONDAY) == 0
