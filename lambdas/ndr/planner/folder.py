"""A folder of delivered files."""

from __future__ import annotations

from dataclasses import dataclass

from ndr.contract.manifest import InputFile
from ndr.contract.time import Interval


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of delivered files: the time of its rows, its URI, its files by their path in it."""

    interval: Interval
    uri: str
    files: tuple[InputFile, ...]
