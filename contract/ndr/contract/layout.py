"""Where logs lie below their prefix: in a folder for each mini-batch, or in folders that a pattern names by time.

A pattern is a path with the directives of `strftime`: `%Y/%m/%d/%H/`. The time in a folder's name is the time of its
rows, or the time at which they were written: these differ by at most `delivery_delay`. So a folder can hold rows from
`delivery_delay` before its time to `delivery_delay` after it, and a file of it that came in time only rows of the
`delivery_delay` before the file was written. All times are UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final

from ndr.contract.time import DAY, EPOCH, SLICE, Interval, ceil_to, floor_to

MINI_BATCH: Final = "mini_batch"
"""The layout in which the folders are mini-batches, `<prefix>/<mini_batch_id>/`."""

DIRECTIVES: Final = {"Y": r"\d{4}", "m": r"\d{2}", "d": r"\d{2}", "H": r"\d{2}", "M": r"\d{2}"}
"""The directives of `strftime` that a pattern may have, and what they match; from the longest time to the shortest."""

_STEPS: Final = {"d": DAY, "H": timedelta(hours=1), "M": timedelta(minutes=1)}
_DIRECTIVE: Final = re.compile("%(.?)", re.DOTALL)
_NOT_PATH: Final = re.compile(r"[*?\[\]#\\\s\x00-\x1f]")
_EXAMPLES: Final = "%Y/%m/%d/%H/ or region=eu-west-1/eventDay=%Y%m%d/"


def pattern_problem(text: str) -> str | None:
    """Return what is wrong with a pattern and what to write instead; None where it is one."""
    asked = _DIRECTIVE.findall(text)
    other = next((each for each in asked if each not in DIRECTIVES), None)
    if other is not None:
        allowed = ", ".join(f"%{name}" for name in DIRECTIVES)
        return f"{text!r} has %{other}; allowed are {allowed}: write a pattern such as {_EXAMPLES}"
    if not asked:
        return f"{text!r} is not a layout; write {MINI_BATCH}, or a pattern of the time such as {_EXAMPLES}"
    finest = max(list(DIRECTIVES).index(each) for each in asked)
    missing = [f"%{name}" for name in list(DIRECTIVES)[: max(finest, 3)] if name not in asked]
    if missing:
        lacks = " and ".join(missing)
        return f"{text!r} lacks {lacks}, so a folder has no day or hour of its own; write a pattern such as {_EXAMPLES}"
    if not text.endswith("/"):
        return f"{text!r} does not end with a slash; write the pattern of the folders, as {text + '/'!r}"
    if text.startswith("/") or "//" in text or {".", ".."} & set(text.split("/")):
        return f"{text!r} is not a path below the prefix; write it without a slash at its start, '//', '.' and '..'"
    if found := _NOT_PATH.search(text):
        return f"{text!r} has {found[0]!r}; write a pattern without wildcards, blanks and '#', such as {_EXAMPLES}"
    if any(part.startswith(("_", ".")) for part in text.split("/")):
        return f"{text!r} has a folder that starts with '_' or '.', which marks what is not data; write another one"
    return None


@dataclass(frozen=True)
class TimeLayout:
    """Folders that a pattern names by time.

    Attributes
    ----------
    pattern : str
        One without a `pattern_problem`.
    delivery_delay : timedelta
        How long after its time a row arrives at the latest.
    """

    pattern: str
    delivery_delay: timedelta

    @cached_property
    def step(self) -> timedelta:
        """The time of a folder: a day, an hour or a minute."""
        asked = _DIRECTIVE.findall(self.pattern)
        return next(step for name, step in reversed(_STEPS.items()) if name in asked)

    @cached_property
    def _name(self) -> re.Pattern[str]:
        seen: set[str] = set()

        def matched(name: str) -> str:
            if name in seen:
                return f"(?P={name})"
            seen.add(name)
            return f"(?P<{name}>{DIRECTIVES[name]})"

        parts = re.split("%(.)", self.pattern)  # text and directives by turns
        pairs = enumerate(parts)
        text = "".join(matched(part) if place % 2 else re.escape(part) for place, part in pairs)
        return re.compile(text, re.ASCII)

    def folder_name(self, instant: datetime) -> str:
        """Return the path, below the prefix and with its last slash, of the folder of an instant."""
        at = instant.astimezone(UTC)
        values = {"Y": f"{at.year:04}", "m": f"{at.month:02}", "d": f"{at.day:02}"}
        values |= {"H": f"{at.hour:02}", "M": f"{at.minute:02}"}
        return _DIRECTIVE.sub(lambda found: values[found[1]], self.pattern)

    def folder_of(self, path: str) -> tuple[str, Interval] | None:
        """Return the folder of a file and the time in its name, by the file's path below the prefix.

        Returns
        -------
        tuple of (str, Interval) or None
            None where the path is in no folder of this layout.
        """
        found = self._name.match(path)
        if found is None:
            return None
        try:
            numbers = {name: int(text) for name, text in found.groupdict().items()}
            start = datetime(
                numbers["Y"], numbers["m"], numbers["d"], numbers.get("H", 0), numbers.get("M", 0), tzinfo=UTC
            )
            return (found[0], Interval(start, start + self.step)) if start >= EPOCH else None
        except (ValueError, OverflowError):
            return None

    def folders(self, rows: Interval) -> Iterator[tuple[str, Interval]]:
        """Yield the folders that can hold rows of an interval, with the time in their names, in order of time."""
        reach = Interval(rows.start - self.delivery_delay, rows.end + self.delivery_delay)
        for part in Interval(floor_to(reach.start, self.step), ceil_to(reach.end, self.step)).steps(self.step):
            yield self.folder_name(part.start), part

    def time_of_file(self, folder: Interval, modified_at: datetime) -> Interval:
        """Return the whole slices in which the rows of a file lie.

        A file that came in time has rows of the time before it was written. One that came later, or was written before
        the time in its folder's name, can have rows of all the time that its folder can hold.

        Parameters
        ----------
        folder : Interval
            The time in its folder's name.
        modified_at : datetime
            When it was written, in whole seconds.
        """
        delay = self.delivery_delay
        if folder.start <= modified_at <= folder.end + delay:
            return Interval(floor_to(modified_at - delay, SLICE), floor_to(modified_at, SLICE) + SLICE)
        return Interval(floor_to(folder.start - delay, SLICE), ceil_to(folder.end + delay, SLICE))
