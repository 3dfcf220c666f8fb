"""Where compiled functions are kept: by the version of the code, so that another folder of it compiles none again.

numba keeps a function by the folder of its source. The folder of a job's code is another one for each deploy, and that
of a clone another one than that of the job. It does not notice a change of a function or a constant that is imported
from another file; the version of the code does.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from numba.core import config
from numba.core.caching import UserProvidedCacheLocator

VERSION: Final = "NDR_CODE_VERSION"
"""The environment variable with the version of the code; without it numba keeps functions as it does by itself."""
KERNELS: Final = (
    "ndr.jobs.fg_a.novelty",
    "ndr.jobs.fg_a.peer_dimensions",
    "ndr.jobs.fg_a.windows",
    "ndr.jobs.fg_c.discounts",
    "ndr.jobs.fg_c.formulas",
    "ndr.jobs.fg_c.host_counts",
    "ndr.jobs.fg_c.hosts",
    "ndr.jobs.fg_c.nearest",
    "ndr.jobs.fg_c.scored_values",
    "ndr.jobs.fg_c.unusual",
)
"""The modules whose functions nearly every project needs, in the order of use. Importing one compiles those that have a
signature. `ndr.jobs.fg_b.bit_planes`, for backfills, is left out: it takes as long as all others."""


class ByVersion(UserProvidedCacheLocator):  # type: ignore[misc]
    """Locates functions by the version of the code, below NUMBA_CACHE_DIR; `ndr.jobs` names it to numba."""

    def __init__(self, py_func: Callable[..., Any], py_file: str) -> None:
        super().__init__(py_func, py_file)
        folder = Path(py_file).parent
        self._cache_path = os.path.join(
            str(config.CACHE_DIR),  # type: ignore[attr-defined]
            os.environ[VERSION],
            folder.parent.name,
            folder.name,
        )

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> ByVersion | None:
        """Return the locator of a function; None where no version or no folder is set, for the next locator."""
        if not os.environ.get(VERSION):
            return None
        return super().from_function(py_func, py_file)  # type: ignore[no-any-return]


if __name__ == "__main__":
    for module in KERNELS:
        importlib.import_module(module)
