"""The header of a Zeek log of separated values."""

from __future__ import annotations

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

    def after(self, line: str) -> Header:
        """Return the header as it stands after one more ``#`` line; other directives and comments change nothing."""
        if line.startswith("#separator "):
            # The one directive that can't be split by the separator it defines: a space, then escapes such as \x09.
            return Header(separator=_unescape(line.removeprefix("#separator ")) or "\t")
        directive, _, value = line.partition(self.separator)
        if directive == "#unset_field":
            return replace(self, unset_field=_unescape(value))
        if directive == "#path":
            return replace(self, path=value)
        if directive == "#fields":
            return replace(self, fields=tuple(value.split(self.separator)))
        return self

    @classmethod
    def of_names(cls, line: str) -> Header | None:
        """Return the header of a log whose first line only names the fields, or None if the line does not."""
        for separator in ("\t", ","):
            fields = tuple(line.removeprefix("#fields" + separator).split(separator))
            if fields[0] in ("ts", "_path") and "uid" in fields:
                return cls(separator=separator, fields=fields)
        return None


def is_header(line: str) -> bool:
    """Tell whether a line is of a header, after blanks that some exports put before it."""
    return line.lstrip().startswith("#")


def _unescape(text: str) -> str:
    return re.sub(r"\\x([0-9A-Fa-f]{2})", lambda match: chr(int(match[1], 16)), text)
