"""Whether published rows keep what the contract says of their columns."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.columns import NEVER, Dataset


def broken_rules(dataset: Dataset, table: pa.Table) -> list[str]:
    """Return a line for each column that is null although it never is, or a share outside of [0, 1].

    A table without a row could not break a rule, and is refused.
    """
    assert table.num_rows, f"no row of {dataset.name} to check"
    broken = []
    for column in dataset.columns:
        values = table[column.name]
        if column.null == NEVER and values.null_count:
            broken.append(f"{dataset.name}.{column.name}: {values.null_count} of {len(values)} are null")
        if column.unit == "share" and values.null_count < len(values):
            least, most = pc.min(values).as_py(), pc.max(values).as_py()
            if least < 0 or most > 1 + 1e-12:
                broken.append(f"{dataset.name}.{column.name}: {least} to {most} are not all a share")
    return broken
