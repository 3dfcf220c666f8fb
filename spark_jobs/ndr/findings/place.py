"""Where findings are read from, and by which JobSpecs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ndr.contract.errors import InsufficientHistoryError
from ndr.contract.jobspecs import FG_B_BUILDER, FG_C_BUILDER, NETWORKS, SUPPRESSIONS, JobSpec
from ndr.contract.jobspecs.fg_c_builder import FindingThresholds
from ndr.contract.jobspecs.networks import Networks
from ndr.contract.jobspecs.suppressions import SuppressionsSpec
from ndr.contract.manifest import Owner


@dataclass(frozen=True)
class FindingsPlace:
    """The scores of a project and version, and what makes findings of them.

    Attributes
    ----------
    owner : Owner
    fg_c, fg_b : str
        Prefixes of the scores and of the baselines.
    thresholds : FindingThresholds
    networks : Networks
    suppressions : SuppressionsSpec
    files : str or None
        Prefix of the files of findings, if they are written.
    machines : str or None
        Prefix of the features that tell which machine had an address when, where hosts are machines.
    """

    owner: Owner
    fg_c: str
    fg_b: str
    thresholds: FindingThresholds = field(default_factory=FindingThresholds)
    networks: Networks = field(default_factory=Networks)
    suppressions: SuppressionsSpec = field(default_factory=lambda: SuppressionsSpec(suppressions={}))
    files: str | None = None
    machines: str | None = None

    @classmethod
    def of(cls, jobspecs: Mapping[str, JobSpec[Any]]) -> FindingsPlace:
        """Return the place that a checked set of JobSpecs names.

        Raises
        ------
        InsufficientHistoryError
            Nothing is scored: the set has no fg_c_builder JobSpec.
        """
        if FG_C_BUILDER not in jobspecs:
            raise InsufficientHistoryError(
                "The project has no fg_c_builder JobSpec, so nothing is scored; put one with `ndr jobspec put`."
            )
        jobspec = jobspecs[FG_C_BUILDER]
        fg_c, fg_b = jobspec.spec, jobspecs[FG_B_BUILDER].spec
        given: dict[str, Any] = {}
        if NETWORKS in jobspecs:
            given["networks"] = jobspecs[NETWORKS].spec
        if SUPPRESSIONS in jobspecs:
            given["suppressions"] = jobspecs[SUPPRESSIONS].spec
        return cls(
            Owner(jobspec.project_name, jobspec.feature_spec_version),
            fg_c.outputs.fg_c,
            fg_b.outputs.fg_b,
            fg_c.findings,
            files=fg_c.outputs.findings,
            machines=fg_c.inputs.fg_a if fg_b.host_identity == "machine" else None,
            **given,
        )
