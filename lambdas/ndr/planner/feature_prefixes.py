"""Where a project's features lie, whose they are, and how far back their inputs reach."""

from __future__ import annotations

from dataclasses import dataclass

from ndr.contract.jobspecs import (
    DELTA_BUILDER,
    FG_A_BUILDER,
    FG_B_BUILDER,
    FG_C_BUILDER,
    PAIR_COUNTS_BUILDER,
    JobSpecs,
)
from ndr.contract.layout import TimeLayout
from ndr.contract.manifest import Owner


@dataclass(frozen=True, slots=True)
class FeaturePrefixes:
    """Prefix URIs of the datasets that the planner reads, their project and version, and the lookback of FG-A.

    `layout` is of the files below `integration`; None where their folders are mini-batches. `fg_c` is None where the
    project has no JobSpec of it.
    """

    owner: Owner
    integration: str
    deltas: str
    fg_a: str
    pair_counts: str
    fg_b: str
    lookback_days: int
    layout: TimeLayout | None = None
    fg_c: str | None = None

    @classmethod
    def of(cls, jobspecs: JobSpecs) -> FeaturePrefixes:
        """Take the prefixes from the JobSpecs."""
        deltas = jobspecs[DELTA_BUILDER]
        return cls(
            owner=Owner(deltas.project_name, deltas.feature_spec_version),
            integration=deltas.spec.inputs.integration,
            layout=deltas.spec.inputs.time_layout,
            deltas=deltas.spec.outputs.deltas,
            fg_a=jobspecs[FG_A_BUILDER].spec.outputs.fg_a,
            lookback_days=jobspecs[FG_A_BUILDER].spec.novelty.lookback_days,
            pair_counts=jobspecs[PAIR_COUNTS_BUILDER].spec.outputs.pair_counts,
            fg_b=jobspecs[FG_B_BUILDER].spec.outputs.fg_b,
            fg_c=jobspecs[FG_C_BUILDER].spec.outputs.fg_c if FG_C_BUILDER in jobspecs else None,
        )
