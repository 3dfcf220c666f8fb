"""Files of the integration schema, with the names and words of the JobSpec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import pyarrow as pa

from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.sources.integration.columns import EXTRA_COLUMNS, REQUIRED
from ndr.sources.integration.convert import COLUMN_TYPES
from ndr.sources.source import Columns, Field, Rows, Sample, Source

_TYPES: Final[dict[str, Literal["string", "int64", "float64"]]] = {
    "string": "string",
    "int64": "int64",
    "timestamp": "float64",
}


def recognise(sample: Sample) -> float:
    """The contract's own names are sure; files that the JobSpec maps are not recognised."""
    return 0.99 if sample.has(*REQUIRED) else 0.0


def fields(spec: DeltaBuilderSpec) -> Mapping[str, Field]:
    """Each column under the source's name for it, and the extra columns under their own."""
    own = {
        name: Field((str(spec.field_mapping.get(name, name)),), _TYPES[type_])  # type: ignore[call-overload]
        for name, type_ in COLUMN_TYPES.items()
    }
    extra = {name: Field((name,), "string" if name == "observer" else "int64") for name in EXTRA_COLUMNS.names}
    return own | extra


def to_rows(columns: Columns, spec: DeltaBuilderSpec) -> Rows:
    """Take the columns as they are, and of the extra ones those that have values."""
    found = {name: column for name, column in columns.items() if name in COLUMN_TYPES}
    count = len(found["source_ip"])
    extra = {name: columns[name] for name in EXTRA_COLUMNS.names if name in columns}
    found |= {name: column for name, column in extra.items() if column.null_count < count}
    return Rows(found, pa.nulls(count, pa.string()))


INTEGRATION_FILES: Final = Source("integration", recognise, to_rows, fields)
