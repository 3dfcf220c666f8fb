"""docs/formulas.md has the formulas of the docstrings, with their sources."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Final

from ndr.jobs.fg_b.profile import profiles_of_baselines
from ndr.jobs.fg_b.statistics import tables_of_baselines
from ndr.jobs.fg_c import formulas, judges
from ndr.jobs.fg_c.absences import surprise
from ndr.jobs.fg_c.calibration import Calibration
from ndr.jobs.fg_c.host_days import host_day_p_values
from ndr.jobs.regularity import pair_scores, regularity

PAGE = Path(__file__).parents[2] / "docs" / "formulas.md"
HEAD = """# Formulas

Written from the docstrings by `python -m tests.unit.test_docs_formulas`; a test compares them. The columns are in
[datasets.md](datasets.md), and [scoring.md](scoring.md) says how to use the scores.
"""
FORMULAS: Final[dict[str, object]] = {
    "Baseline of a host or a segment": tables_of_baselines,
    "Profile of a host": profiles_of_baselines,
    "Score of a value": formulas,
    "Baseline of the network": judges,
    "What did not happen": surprise,
    "p value of a window": Calibration.p_values,
    "p value of a host-day": host_day_p_values,
    "Regularity of a pair": regularity,
    "Score of a pair": pair_scores,
}


def page() -> str:
    return HEAD + "".join(f"\n## {title}\n\n{_formula(of)}\n" for title, of in FORMULAS.items())


def _formula(of: object) -> str:
    """The notes of a docstring, or all of it where it has no sections."""
    text = str(inspect.getdoc(of))
    name = getattr(of, "__name__", "")
    where = name if inspect.ismodule(of) else f"{getattr(of, '__module__', '')}.{getattr(of, '__qualname__', name)}"
    notes = re.search(r"^Notes\n-+\n(.*?)(?=^\w+\n-+\n|\Z)", text, re.MULTILINE | re.DOTALL)
    return f"{(notes[1] if notes else text).strip()}\n\nIn `{where}`."


def test_the_page_says_what_the_docstrings_say() -> None:
    assert PAGE.read_text() == page(), "write it anew with: python -m tests.unit.test_docs_formulas"


if __name__ == "__main__":
    PAGE.write_text(page())
