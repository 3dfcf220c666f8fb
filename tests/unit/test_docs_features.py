"""docs/features.md has the columns as the contract declares them, and the formulas as the docstrings have them.

The text between is written by hand. A table or formula stands between a comment that names it and `<!-- end -->`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from ndr.contract import datasets
from ndr.contract.columns import NEVER, Column, Dataset
from ndr.contract.table_names import table_name
from ndr.jobs.fg_b.pairs import pair_baselines
from ndr.jobs.fg_b.profile import profiles_of_baselines
from ndr.jobs.fg_b.statistics import tables_of_baselines
from ndr.jobs.fg_c import discounts, formulas, judges
from ndr.jobs.fg_c.absences import surprise
from ndr.jobs.fg_c.calibration import Calibration
from ndr.jobs.fg_c.host_days import host_day_p_values
from ndr.jobs.regularity import autocorrelation, pair_scores, regularity

PAGE = Path(__file__).parents[2] / "docs" / "features.md"
BLOCK = re.compile(r"(<!-- (columns|formula): (.*?) -->\n).*?(<!-- end -->\n)", re.DOTALL)

DATASETS: Final = (
    datasets.INTEGRATION,
    datasets.QUARANTINE,
    datasets.MACHINE_INVENTORY,
    datasets.DELTAS,
    datasets.PEER_DELTAS,
    datasets.PAIR_COUNTS,
    datasets.FG_A,
    datasets.FG_A_MACHINES,
    datasets.fg_b_host([]),
    datasets.fg_b_segment([]),
    datasets.FG_B_PAIR_HOST,
    datasets.FG_B_PAIR_SEGMENT,
    datasets.FG_B_IP_METADATA,
    datasets.FG_B_PROFILE,
    datasets.FG_B_PEER_HISTORY,
    datasets.FG_C_SCORES,
    datasets.FG_C_HOSTS,
    datasets.FG_C_PAIRS,
)
"""Each has a table. Those of host and segment end where the statistics of the JobSpec's metrics begin."""

SHARED: Final = {"activity": datasets.ACTIVITY, "regularity": datasets.REGULARITY}
"""Columns of several datasets, that have one table."""

LIKE: Final = {"segment": datasets.fg_b_host([]), "pair_segment": datasets.FG_B_PAIR_HOST}
"""Datasets of which only the columns that the other one lacks are told."""

FORMULAS: Final[dict[str, object]] = {
    "statistics": tables_of_baselines,
    "rarity of a pair": pair_baselines,
    "profile": profiles_of_baselines,
    "regularity": regularity,
    "autocorrelation": autocorrelation,
    "score of a value": formulas,
    "discount": discounts,
    "baseline of the network": judges,
    "what did not happen": surprise,
    "p value of a window": Calibration.p_values,
    "p value of a host-day": host_day_p_values,
    "score of a pair": pair_scores,
}


def blocks() -> dict[tuple[str, str], str]:
    """Return what stands in each block of the page, by its kind and name."""
    statistics = tuple(replace(each, name=f"<metric>_{each.name}") for each in datasets.STATISTICS)
    tables = {
        **{name: _table(columns) for name, columns in SHARED.items()},
        "statistics": _table(statistics),
        **{table_name(dataset.name): _section(dataset) for dataset in DATASETS},
        "reasons": _table(datasets.REASON_FIELDS),
    }
    return {
        **{("columns", name): table for name, table in tables.items()},
        **{("formula", name): _formula(of) for name, of in FORMULAS.items()},
    }


def _section(dataset: Dataset) -> str:
    key = f"Key: {', '.join(dataset.key)}.\n\n" if dataset.key else ""
    told = SHARED
    if dataset.name in LIKE:
        like = LIKE[dataset.name]
        told = {table_name(like.name): tuple(c for c in dataset.columns if c in like.columns)}
    columns: list[Column | str] = list(dataset.columns)
    for name, shared in told.items():
        if set(shared) <= set(columns):
            columns[columns.index(shared[0])] = f"| [{name}](#{name}) | | | {len(shared)} columns of it | | |\n"
            columns = [column for column in columns if column not in shared]
    return key + _table(columns)


def _table(columns: Iterable[Column | str]) -> str:
    rows = "".join(each if isinstance(each, str) else _row(each) for each in columns)
    return f"| column | type | unit | meaning | formula (source) | null |\n|---|---|---|---|---|---|\n{rows}"


def _row(column: Column) -> str:
    formula = f"{column.formula} ({column.source})" if column.source else column.formula
    cells = (column.name.replace("<", r"\<"), column.type, column.unit, column.meaning, formula.strip(), column.null)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _formula(of: object) -> str:
    """Return the notes of a docstring, or all of it where it has no sections."""
    text = str(inspect.getdoc(of))
    name = getattr(of, "__name__", "")
    where = name if inspect.ismodule(of) else f"{getattr(of, '__module__', '')}.{getattr(of, '__qualname__', name)}"
    notes = re.search(r"^Notes\n-+\n(.*?)(?=^\w+\n-+\n|\Z)", text, re.MULTILINE | re.DOTALL)
    return f"{(notes[1] if notes else text).strip()}\n\nIn `{where}`.\n"


def written(page: str) -> str:
    """Return the page with its blocks written anew."""
    texts = blocks()
    return BLOCK.sub(lambda found: f"{found[1]}\n{texts[found[2], found[3]]}\n{found[4]}", page)


def test_the_page_says_what_the_contract_and_the_docstrings_say() -> None:
    declared = {each.name for each in vars(datasets).values() if isinstance(each, Dataset)}
    assert declared <= {dataset.name for dataset in DATASETS}
    page = PAGE.read_text()
    assert sorted((kind, name) for _, kind, name, _ in BLOCK.findall(page)) == sorted(blocks())
    assert page == written(page), "write it anew with: python -m tests.unit.test_docs_features"


def test_every_column_has_a_unit_or_is_no_quantity() -> None:
    of_metrics = datasets.fg_b_host(column.name for column in datasets.FG_A_METRICS)
    columns = {column for dataset in (*DATASETS, of_metrics) for column in dataset.columns}
    for column in columns | set(datasets.REASON_FIELDS):
        assert (column.unit == "none") == (column.type not in ("int64", "float64")), column
        assert column.meaning, column
        assert column.null, column
        if column.unit in ("share", "ratio"):
            assert column.type == "float64", column


def test_null_is_told_of_as_a_rule_and_not_in_the_meaning() -> None:
    told = [column.name for dataset in DATASETS for column in dataset.columns if "null" in column.meaning]
    assert told == ["value"], "of FG-C, whose null values have no row"
    ratios = {column.name: column.null for column in datasets.RATIOS}
    assert ratios["deny_ratio"] == NEVER != ratios["bytes_asymmetry_ratio"]


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
