"""The detection benchmark's arithmetic: ranks, ties, false rows above, medians, and the page that it fills."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from benchmarks.detection import kept
from benchmarks.detection.outcomes import Attack, Ranked, best_place, by_chance, false_rows, place
from benchmarks.detection.page import PAGE, sections
from benchmarks.detection.summary import LABELS, summary

from ndr.contract.time import DAY, Interval, format_instant
from ndr.local.traffic.attacks import ALL_KINDS

START = datetime(2026, 1, 30, 22, tzinfo=UTC)
DAY_ONE = Interval(START.replace(hour=0), START.replace(hour=0) + DAY)
DAY_TWO, DAY_THREE = (Interval(DAY_ONE.end + number * DAY, DAY_ONE.end + (number + 1) * DAY) for number in (0, 1))


def attack(host: str = "10.0.0.1", kind: str = "beacon", hours: float = 4, **facts: object) -> Attack:
    last = format_instant(START + timedelta(hours=hours))
    record = {"kind": kind, "host_ip": host, "peer_ips": ["203.0.113.9"], "peer_ports": [443],
             "first": format_instant(START), "last": last, **facts}  # fmt: skip
    return Attack.of(record, DAY_THREE.end)


def rows(*scores: tuple[str, float]) -> list[Ranked]:
    return [Ranked((host,), score) for host, score in scores]


def test_rank_counts_the_rows_above_and_half_of_the_ties() -> None:
    ranking = rows(("10.0.0.7", 9), ("10.0.0.1", 5), ("10.0.0.8", 5), ("10.0.0.9", 5), ("10.0.0.6", 1))
    found = place(attack(), ranking, [], DAY_ONE)
    assert found is not None
    assert (found.rank, found.false_above) == (3.0, 1)
    assert place(attack("10.0.0.5"), ranking, [], DAY_ONE) is None


def test_rows_of_another_attack_do_not_count_on_its_days_and_the_day_after() -> None:
    ranking = rows(("10.0.0.7", 9), ("10.0.0.1", 5))
    other = attack("10.0.0.7", hours=1)  # over before midnight
    for day, false in ((DAY_ONE, 0), (DAY_TWO, 0), (DAY_THREE, 1)):
        found = place(attack(hours=40), ranking, [other], day)
        assert found is not None
        assert (found.rank, found.false_above) == (1.0 + false, false)
    assert [row.key for row in false_rows(ranking, [other], DAY_ONE)] == [("10.0.0.1",)]


def test_a_pair_is_the_attacks_by_host_peer_and_port() -> None:
    assert attack().is_its(("10.0.0.1", "203.0.113.9", 443))
    assert attack().is_its(("10.0.0.1", "203.0.113.9"))
    assert not attack().is_its(("10.0.0.1", "203.0.113.9", 80))
    assert not attack().is_its(("10.0.0.2", "203.0.113.9", 443))


def test_the_best_place_is_of_the_attacks_days_only() -> None:
    of_days = {DAY_ONE: [rows(("10.0.0.7", 9), ("10.0.0.1", 5))], DAY_TWO: [[], rows(("10.0.0.1", 1))],
               DAY_THREE: [rows(("10.0.0.1", 99))]}  # fmt: skip
    best = best_place(attack(), of_days, [attack()])
    assert best is not None
    assert (best[0].rank, best[1]) == (1.0, DAY_TWO)
    short = best_place(attack(hours=1), of_days, [])
    assert short is not None
    assert (short[0].rank, short[1]) == (2.0, DAY_ONE)
    assert [attack().number_of(day) for day in of_days] == [1, 2, 3]


@pytest.mark.parametrize(("kind", "facts", "day"), [
    ("falls_silent", {}, DAY_THREE),
    ("dormant_wakes", {"woke": format_instant(DAY_TWO.start)}, DAY_TWO),
])  # fmt: skip
def test_silence_lasts_and_a_dormant_machine_is_noticed_when_it_wakes(kind: str, facts: dict, day: Interval) -> None:
    one = attack(kind=kind, **facts)
    assert one.is_on(day)
    assert one.is_on(DAY_ONE) == (kind == "falls_silent")


def test_chance_is_the_share_of_other_hosts_that_are_among_the_ten_of_any_day_of_the_attack() -> None:
    def ranking(first: int) -> list[Ranked]:
        others = [(f"10.0.1.{number}", float(99 - (number - first) % 40)) for number in range(40)]
        return sorted(rows(("10.0.0.1", 100.0), *others), key=lambda row: -row.score)

    of_hosts = {DAY_ONE: ranking(0), DAY_TWO: ranking(5), DAY_THREE: ranking(30)}
    assert by_chance(attack(hours=4), of_hosts, [attack(hours=4)]) == 15 / 40  # hosts 0 to 9, then 5 to 14


def result_lines(ranks: list[float | None]) -> list[dict]:
    lines = [{"ranking": ranking, "kind": kind, "rank": rank, "found": rank is not None and rank <= 10,
              "false_above": rank and rank - 1, "day_of_attack": rank and 2, "by_chance": 0.25,
              "interval_seconds": 300.0, "jitter": 0.3}
             for ranking in LABELS for kind in ALL_KINDS for rank in ranks]  # fmt: skip
    lines.append({"clean": True, "host_days": 200, "share_below_0.01": 0.02, "share_below_0.05": 0.1})
    lines.append({"clean": True, "host_days": 600, "share_below_0.01": 0.0, "share_below_0.05": 0.02})
    names = ("false_in_top", "backups_in_top", "patch_nights_in_top", "patch_nights")
    return [*lines, *(dict(zip(names, numbers, strict=True)) for numbers in ((900, 2, 0, 1), (800, 1, 4, 2)))]


def test_the_summary_adds_networks_up() -> None:
    found = list(summary(result_lines([1.0, None, 4.0])))
    beacon = next(line for line in found if (line.get("kind"), line.get("ranking")) == ("beacon", "scores"))
    assert (beacon["networks"], beacon["found"], beacon["median_rank"], beacon["median_false_above"]) == (
        3,
        2,
        4.0,
        3.0,
    )
    assert found[-1] == {"false_in_top": 1700, "backups_in_top": 3, "patch_nights_in_top": 4, "patch_nights": 3,
                         "host_days": 800, "share_below_0.01": 0.005, "share_below_0.05": 0.04}  # fmt: skip
    assert next(summary(result_lines([None, None, 1.0])))["median_rank"] is None


def test_the_page_has_a_place_for_each_section_and_says_what_is_below_its_target() -> None:
    lines = result_lines([1.0, None, 4.0])
    filled = sections([*lines, *({"summary": True} | line for line in summary(lines))])
    page = PAGE.read_text(encoding="utf-8")
    for name in filled:
        assert page.count(f"<!-- {name} -->\n") == page.count(f"<!-- end of {name} -->") == 1
    assert "| beacon | 2 | 2 | 2 | 2 | 2 | 3 of 3 | 0.8 |" in filled["kinds"]
    assert "| beacon | 4 (3) | 4 (3) | 4 (3) | 4 (3) | 4 (3) | 2 |" in filled["ranks"]
    assert "beacon (2 of 3)" in filled["false"]
    assert "800 host-days of clean networks, 0.50% have a p value below 0.01" in filled["false"]
    assert "1,700 host-days in the top ten belong to no attack, of which 3 are backups, and 4 are" in filled["false"]


def test_a_network_is_run_once_by_the_same_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "local" / "traffic.py"
    source.parent.mkdir()
    source.write_text("SEED = 1\n")
    monkeypatch.setattr(kept, "SOURCES", ("local",))
    monkeypatch.setattr(kept, "ROOT", tmp_path)
    monkeypatch.setattr(kept, "KEPT", tmp_path / "build")
    runs: list[str] = []

    def lines(name: str) -> list[str]:
        kept._version.cache_clear()  # as in a process of its own
        return kept.kept_lines(name, lambda: runs.append(name) or ['{"bench": "detection"}'])  # type: ignore[func-returns-value]

    assert lines("1-all") == lines("1-all") == lines("2-all") == ['{"bench": "detection"}']
    assert runs == ["1-all", "2-all"]
    with pytest.raises(ZeroDivisionError):
        kept.kept_lines("3-all", lambda: [str(1 // 0)])
    assert lines("3-all")
    source.write_text("SEED = 2\n")
    assert lines("1-all")
    assert runs == ["1-all", "2-all", "3-all", "1-all"]
