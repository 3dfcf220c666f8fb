"""A text column as codes that order as the texts do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class OrderedTexts:
    """Texts in their order, and for each row the position of its text."""

    texts: pa.Array
    of_row: NDArray[np.int64]

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> OrderedTexts:
        """Order the texts of a column, plain or as codes."""
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        encoded = column.unify_dictionaries().combine_chunks()
        order = pc.sort_indices(encoded.dictionary).to_numpy()
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        return cls(encoded.dictionary.take(pa.array(order)), rank[encoded.indices.to_numpy()])
