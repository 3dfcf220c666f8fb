"""JobSpec that lists the name prefixes of non-persistent machines (VDI), shared by the jobs that need it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ndr.contract.jobspecs.model import SpecModel


class NonPersistentPrefixesSpec(SpecModel):
    """Spec of `non_persistent_prefixes`."""

    prefixes: tuple[Annotated[str, Field(min_length=1, max_length=63)], ...]
