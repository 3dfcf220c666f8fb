"""The verdict on a module: how many of its mutants survived, and which of those the list allows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

Kind = Literal["equivalent", "untested"]
"""Equivalent: a caller observes no difference, so no test can fail. Untested: a test is possible, and is not there."""

Key = tuple[str, str, int]
"""The changed line, the change, and the number that tells apart equal changes of equal lines."""

Listed = Mapping[str, Mapping[Key, Kind]]
"""The kind of each listed survivor, by module."""

GREATEST_SHARE: Final = 0.05
"""The share of survivors, of the mutants that are not equivalent, that is not reached."""


@dataclass(frozen=True)
class Verdict:
    """The mutants of a module: how many, the survivors by kind, and what does not agree with the list."""

    module: str
    total: int
    equivalent: int
    untested: int
    not_listed: tuple[Key, ...]
    wrongly_listed: tuple[Key, ...]

    @property
    def survivors(self) -> int:
        """Return how many survivors count: all but the equivalent ones."""
        return self.untested + len(self.not_listed)

    @property
    def counted(self) -> int:
        """Return how many mutants count."""
        return self.total - self.equivalent

    def lines(self) -> list[str]:
        """Say what survived without being listed, what is listed and does not survive, and the numbers."""
        return [
            *(f"{self.module}: {change} survives in: {_place(line, n)}" for line, change, n in self.not_listed),
            *(
                f"{self.module}: {change} is listed as a survivor but does not survive (any more) in: {_place(line, n)}"
                for line, change, n in self.wrongly_listed
            ),
            f"{self.module}: {self.total} mutants, {self.survivors} survive, {self.equivalent} equivalent",
        ]


def read_survivors(document: Mapping[str, Sequence[Mapping[str, Any]]]) -> Listed:
    """Return the listed survivors of `survivors.json`.

    Raises
    ------
    ValueError
        An entry has no reason, or a kind that there is not.
    """
    for module, entries in document.items():
        for entry in entries:
            if entry.get("kind") not in get_args(Kind) or not entry.get("reason"):
                raise ValueError(
                    f"{module}: found {dict(entry)}; each survivor has a reason, and a kind of "
                    f"{' or '.join(get_args(Kind))}."
                )
    return {
        module: {(entry["line"], entry["change"], entry.get("number", 0)): entry["kind"] for entry in entries}
        for module, entries in document.items()
    }


def judge(module: str, total: int, survived: Collection[Key], listed: Mapping[Key, Kind]) -> Verdict:
    """Compare the survivors of a module with the list."""
    kinds = [listed[key] for key in survived if key in listed]
    return Verdict(
        module,
        total,
        equivalent=kinds.count("equivalent"),
        untested=kinds.count("untested"),
        not_listed=tuple(key for key in survived if key not in listed),
        wrongly_listed=tuple(sorted(listed.keys() - set(survived))),
    )


def summary(verdicts: Sequence[Verdict]) -> list[str]:
    """Say what all verdicts come to."""
    counted, survived = sum(each.counted for each in verdicts), sum(each.survivors for each in verdicts)
    equivalent, new = sum(each.equivalent for each in verdicts), sum(len(each.not_listed) for each in verdicts)
    return [
        f"{counted + equivalent} mutants. {equivalent} are listed as equivalent: a caller observes no difference, and "
        "they do not count.",
        f"Of the other {counted}, {survived} survive ({100 * survived / max(1, counted):.1f} %; less than "
        f"{100 * GREATEST_SHARE:.0f} % is allowed), {new} of them not listed (none is allowed).",
    ]


def fails(verdicts: Sequence[Verdict]) -> bool:
    """Tell whether a survivor is not listed, or too large a share survives of the mutants that count."""
    counted, survived = sum(each.counted for each in verdicts), sum(each.survivors for each in verdicts)
    return any(each.not_listed for each in verdicts) or survived >= GREATEST_SHARE * max(1, counted)


def _place(line: str, number: int) -> str:
    return line + f" ({number})" * (number > 0)
