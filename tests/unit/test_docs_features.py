"""docs/features.md says of every column of FG-A how it is computed."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

from ndr.contract.datasets import FG_A

PAGE = Path(__file__).parents[2] / "docs" / "features.md"


def test_every_column_of_fg_a_is_explained() -> None:
    section = PAGE.read_text().partition("\n## FG-A\n")[2].partition("\n## ")[0]
    named = re.findall(r"`([a-z0-9_*]+)`", section)
    columns = [name for name in FG_A.column_names if name not in FG_A.key]
    assert [name for name in columns if not any(fnmatch(name, each) for each in named)] == []
