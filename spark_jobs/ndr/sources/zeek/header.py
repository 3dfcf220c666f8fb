"""The ``#`` lines of a Zeek TSV log."""

import re
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Header:
    """What the ``#`` lines above a row say about it.

    A file may hold several header blocks (logs concatenated, or a Zeek restart); each line changes what follows it.
    """

    separator: str = "\t"
    unset_field: str = "-"
    path: str | None = None
    fields: tuple[str, ...] = ()

    def after(self, line: str) -> "Header":
        """Return the header as it stands after one more ``#`` line; other directives and comments change nothing."""
        if line.startswith("#separator "):
            # The one directive that can't be split by the separator it defines: a space, then escapes such as \x09.
            return Header(separator=_unescape(line.removeprefix("#separator ")))
        directive, _, value = line.partition(self.separator)
        if directive == "#unset_field":
            return replace(self, unset_field=_unescape(value))
        if directive == "#path":
            return replace(self, path=value)
        if directive == "#fields":
            return replace(self, fields=tuple(value.split(self.separator)))
        return self


def _unescape(text: str) -> str:
    return re.sub(r"\\x([0-9A-Fa-f]{2})", lambda match: chr(int(match[1], 16)), text)
