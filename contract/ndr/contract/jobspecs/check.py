"""The check over a whole set of JobSpecs: same project and version, and every read prefix is its producer's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from ndr.contract.datasets import INTEGRATION, MACHINE_INVENTORY, SILENCE_WINDOW
from ndr.contract.errors import JobSpecInvalidError
from ndr.contract.jobspecs.item import (
    FG_A_BUILDER,
    FG_B_BUILDER,
    FG_C_BUILDER,
    JOB_NAMES,
    MACHINE_INVENTORY_UNLOAD,
    NETWORKS,
    NON_PERSISTENT_PREFIXES,
    SUPPRESSIONS,
    JobSpec,
    JobSpecs,
)

EXTERNAL: Final = frozenset({INTEGRATION.name})  # datasets that the team's own log shipping produces
NO_PREFIXES: Final = {"source", "flow_log_format", "layout", "delivery_delay"}
"""Fields of inputs that say how a prefix is read."""
OPTIONAL: Final = frozenset({NETWORKS, NON_PERSISTENT_PREFIXES, FG_C_BUILDER, SUPPRESSIONS})


def written_prefixes(jobspec: JobSpec[Any]) -> dict[str, str]:
    """Return dataset name to prefix URI for what a job writes."""
    if jobspec.job_name == MACHINE_INVENTORY_UNLOAD:
        return {MACHINE_INVENTORY.name: jobspec.spec.output.s3_prefix}
    outputs = getattr(jobspec.spec, "outputs", None)
    return outputs.model_dump(exclude_none=True) if outputs else {}


def read_prefixes(jobspec: JobSpec[Any]) -> dict[str, str]:
    """Return dataset name to prefix URI for what a job reads."""
    inputs = getattr(jobspec.spec, "inputs", None)
    return inputs.model_dump(exclude=NO_PREFIXES, exclude_none=True) if inputs else {}


def check_jobspecs(jobspecs: Iterable[JobSpec[Any]]) -> JobSpecs:
    """Check a set and return it by job name.

    Raises
    ------
    JobSpecInvalidError
        All problems of the set, one sentence each.
    """
    given = list(jobspecs)
    by_name = JobSpecs({jobspec.job_name: jobspec for jobspec in given})
    problems = [
        *_same("project_name", given),
        *_same("feature_spec_version", given),
        *(f"{name} is given {_times(given, name)} times; give one" for name in by_name if _times(given, name) > 1),
        *(f"{name} is missing; put its JobSpec" for name in JOB_NAMES if name not in by_name and name not in OPTIONAL),
        *_misplaced_prefixes(by_name),
        *_unversioned_prefixes(by_name),
        *_shared_prefixes(by_name),
        *_no_slice_window(by_name),
        *_scored_without_baseline(by_name),
        *_unknown_segments(by_name),
    ]
    if problems:
        raise JobSpecInvalidError("The JobSpecs do not fit together: " + "; ".join(problems) + ".")
    return by_name


def _times(jobspecs: list[JobSpec[Any]], name: str) -> int:
    return sum(jobspec.job_name == name for jobspec in jobspecs)


def _same(field: str, jobspecs: list[JobSpec[Any]]) -> list[str]:
    names_by_value: dict[str, list[str]] = {}
    for jobspec in jobspecs:
        names_by_value.setdefault(getattr(jobspec, field), []).append(jobspec.job_name)
    if len(names_by_value) < 2:
        return []
    found = ", ".join(f"{value!r} in {', '.join(names)}" for value, names in names_by_value.items())
    return [f"{field} differs: {found}; use one everywhere"]


def _misplaced_prefixes(by_name: JobSpecs) -> list[str]:
    producers = {
        dataset: (name, prefix)
        for name, jobspec in by_name.items()
        for dataset, prefix in written_prefixes(jobspec).items()
    }
    return [
        f"{name} reads {dataset} from {prefix}, but {producers[dataset][0]} writes it to {producers[dataset][1]}; "
        "make them equal"
        for name, jobspec in by_name.items()
        for dataset, prefix in read_prefixes(jobspec).items()
        if dataset in producers and dataset not in EXTERNAL and producers[dataset][1] != prefix
    ]


def _unversioned_prefixes(by_name: JobSpecs) -> list[str]:
    """Features of two versions must not share a place. The inventory is of machines, whatever the features."""
    return [
        f"{name} writes {dataset} to {prefix}, which has no folder {jobspec.feature_spec_version}: write a prefix of "
        f"the version, such as {_with_version(prefix, jobspec.feature_spec_version)}"
        for name, jobspec in by_name.items()
        if name != MACHINE_INVENTORY_UNLOAD
        for dataset, prefix in written_prefixes(jobspec).items()
        if jobspec.feature_spec_version not in prefix.split("/")[3:]
    ]


def _with_version(prefix: str, version: str) -> str:
    parent, _, folder = prefix.rstrip("/").rpartition("/")
    return f"{parent}/{version}/{folder}/"


def _shared_prefixes(by_name: JobSpecs) -> list[str]:
    places = [
        (prefix, dataset) for jobspec in by_name.values() for dataset, prefix in written_prefixes(jobspec).items()
    ]
    places += [
        (prefix, dataset)
        for jobspec in by_name.values()
        for dataset, prefix in read_prefixes(jobspec).items()
        if dataset in EXTERNAL
    ]
    return [
        f"{inner[1]} at {inner[0]} lies inside {outer[1]} at {outer[0]}; give each dataset a prefix of its own"
        for outer in sorted(set(places))
        for inner in sorted(set(places))
        if inner[1] != outer[1] and inner[0].startswith(outer[0])
    ]


def _no_slice_window(by_name: JobSpecs) -> list[str]:
    if FG_A_BUILDER not in by_name or "15m" in by_name[FG_A_BUILDER].spec.windows:
        return []
    return ["fg_a_builder's windows lack 15m, by whose rows fg_b_builder tells when a host was active; add it"]


def _scored_without_baseline(by_name: JobSpecs) -> list[str]:
    """What FG-C scores must be in FG-A and have a baseline; it judges silence by one window besides."""
    if not {FG_A_BUILDER, FG_B_BUILDER, FG_C_BUILDER} <= by_name.keys():
        return []
    scored, fg_a, fg_b = (by_name[job].spec for job in (FG_C_BUILDER, FG_A_BUILDER, FG_B_BUILDER))
    windows = [name for name in dict.fromkeys((*scored.windows, SILENCE_WINDOW)) if name not in fg_a.windows]
    # Silence is told from the sessions that are usual.
    metrics = [name for name in dict.fromkeys((*scored.metrics, "sessions_cnt")) if name not in fg_b.metrics]
    told = [
        (windows, "fg_c_builder needs windows {}, which fg_a_builder's windows lack; add them there"),
        (metrics, "fg_c_builder needs baselines of {}, which fg_b_builder's metrics lack; add them there"),
    ]
    return [sentence.format(", ".join(names)) for names, sentence in told if names]


def _unknown_segments(by_name: JobSpecs) -> list[str]:
    """A segment that does not exist would suppress nothing, and nobody would notice."""
    if SUPPRESSIONS not in by_name:
        return []
    known = tuple(by_name[NETWORKS].spec.segments) if NETWORKS in by_name else ()
    return [
        f"suppressions.{name} is of the segment {each.segment!r}, which is neither a CIDR nor one of the segments of "
        f"networks ({', '.join(known) or 'it names none'}); correct it"
        for name, each in by_name[SUPPRESSIONS].spec.suppressions.items()
        if each.segment is not None and each.segment not in known and "/" not in each.segment
    ]
