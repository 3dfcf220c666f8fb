from __future__ import annotations

from pathlib import Path

from ndr.contract import datasets
from ndr.contract.datasets import Dataset

PAGE = Path(__file__).parents[2] / "docs" / "datasets.md"
ALL = (
    datasets.INTEGRATION,
    datasets.QUARANTINE,
    datasets.DELTAS,
    datasets.PEER_DELTAS,
    datasets.FG_A,
    datasets.PAIR_COUNTS,
    datasets.MACHINE_INVENTORY,
    datasets.fg_b_host(["sessions_cnt"]),
    datasets.fg_b_segment(["sessions_cnt"]),
    datasets.FG_B_PAIR_HOST,
    datasets.FG_B_PAIR_SEGMENT,
    datasets.FG_B_IP_METADATA,
    datasets.FG_B_PROFILE,
    datasets.FG_C_SCORES,
    datasets.FG_C_HOSTS,
    datasets.FG_C_PAIRS,
)
HEAD = """# Datasets

Written from `contract/ndr/contract/datasets.py` by `python -m tests.unit.test_docs_datasets`; a test compares them.
Timestamps are microseconds, UTC. `host` and `segment` have
the last ten columns once for each metric of the JobSpec, but p95_all of counts and sums alone.
"""


def page() -> str:
    return HEAD + "".join(_section(dataset) + _more(dataset) for dataset in ALL)


def _section(dataset: Dataset) -> str:
    key = f"Key: {', '.join(dataset.key)}.\n\n" if dataset.key else ""
    rows = "".join(f"| {c.name} | {c.type} | {c.meaning.replace('|', chr(92) + '|')} |\n" for c in dataset.columns)
    return f"\n## {dataset.name}\n\n{key}| column | type | meaning |\n|---|---|---|\n{rows}"


def _more(dataset: Dataset) -> str:
    if dataset is not datasets.FG_C_HOSTS:
        return ""
    rows = "".join(f"| {c.name} | {c.type} | {c.meaning} |\n" for c in datasets.REASON_FIELDS)
    return f"\nEach of the `reasons` has the fields:\n\n| field | type | meaning |\n|---|---|---|\n{rows}"


def test_the_page_says_what_the_contract_says() -> None:
    assert PAGE.read_text() == page(), "write it anew with: python -m tests.unit.test_docs_datasets"


if __name__ == "__main__":
    PAGE.write_text(page())
