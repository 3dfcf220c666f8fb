"""Where a project's features lie, and whose they are."""

from __future__ import annotations

from dataclasses import dataclass

from ndr.contract.jobspecs import DELTA_BUILDER, FG_A_BUILDER, FG_B_BUILDER, PAIR_COUNTS_BUILDER, JobSpecs
from ndr.contract.manifest import Owner


@dataclass(frozen=True, slots=True)
class FeaturePrefixes:
    """Prefix URIs of the datasets that the planner looks at, and the project and version they belong to."""

    owner: Owner
    integration: str
    deltas: str
    fg_a: str
    pair_counts: str
    fg_b: str

    @classmethod
    def of(cls, jobspecs: JobSpecs) -> FeaturePrefixes:
        """Take the prefixes from the JobSpecs."""
        deltas = jobspecs[DELTA_BUILDER]
        return cls(
            owner=Owner(deltas.project_name, deltas.feature_spec_version),
            integration=deltas.spec.inputs.integration,
            deltas=deltas.spec.outputs.deltas,
            fg_a=jobspecs[FG_A_BUILDER].spec.outputs.fg_a,
            pair_counts=jobspecs[PAIR_COUNTS_BUILDER].spec.outputs.pair_counts,
            fg_b=jobspecs[FG_B_BUILDER].spec.outputs.fg_b,
        )
