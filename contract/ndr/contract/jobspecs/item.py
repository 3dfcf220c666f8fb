"""A JobSpec as DynamoDB holds it: key, spec, and who wrote it when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from ndr.contract.errors import JobSpecInvalidError
from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.contract.jobspecs.fg_a_builder import FgABuilderSpec
from ndr.contract.jobspecs.fg_b_builder import FgBBuilderSpec
from ndr.contract.jobspecs.machine_inventory_unload import MachineInventoryUnloadSpec
from ndr.contract.jobspecs.model import Identifier, SpecModel
from ndr.contract.jobspecs.non_persistent_prefixes import NonPersistentPrefixesSpec
from ndr.contract.jobspecs.pair_counts_builder import PairCountsBuilderSpec
from ndr.contract.problems import problem_sentence

JobName = Literal[
    "delta_builder",
    "fg_a_builder",
    "pair_counts_builder",
    "fg_b_builder",
    "machine_inventory_unload",
    "non_persistent_prefixes",
]
JOB_NAMES: Final[tuple[JobName, ...]] = get_args(JobName)
SPEC_OF_JOB: Final[dict[str, type[SpecModel]]] = {
    "delta_builder": DeltaBuilderSpec,
    "fg_a_builder": FgABuilderSpec,
    "pair_counts_builder": PairCountsBuilderSpec,
    "fg_b_builder": FgBBuilderSpec,
    "machine_inventory_unload": MachineInventoryUnloadSpec,
    "non_persistent_prefixes": NonPersistentPrefixesSpec,
}


class JobSpec(BaseModel):
    """One JobSpec item. `spec` is the model of its job."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    project_name: Identifier
    job_name: JobName
    feature_spec_version: Identifier
    spec: Any
    updated_at: AwareDatetime
    owner: str

    @property
    def job_name_version(self) -> str:
        """The table's sort key, `job_name#feature_spec_version`."""
        return sort_key(self.job_name, self.feature_spec_version)


def sort_key(job_name: str, feature_spec_version: str) -> str:
    """Return `job_name#feature_spec_version`."""
    return f"{job_name}#{feature_spec_version}"


def parse_jobspec(item: Mapping[str, Any]) -> JobSpec:
    """Validate a JobSpec document or table item.

    Raises
    ------
    JobSpecInvalidError
        One sentence for every field that breaks a rule.
    """
    document = dict(item)
    stored_key = document.pop("job_name_version", None)
    try:
        jobspec = JobSpec.model_validate(document)
        spec = SPEC_OF_JOB[jobspec.job_name].model_validate(jobspec.spec)
    except ValidationError as error:
        name = document.get("job_name")
        raise JobSpecInvalidError(_explained(error, name if isinstance(name, str) else "?")) from None
    if stored_key not in (None, jobspec.job_name_version):
        raise JobSpecInvalidError(
            f"JobSpec {jobspec.job_name}: its key job_name_version is {stored_key!r}, "
            f"its fields say {jobspec.job_name_version!r}; put it again with `ndr jobspec put`."
        )
    return jobspec.model_copy(update={"spec": spec})


def _explained(error: ValidationError, job_name: str) -> str:
    in_spec = error.title != JobSpec.__name__
    sentences = [
        problem_sentence(
            problem,
            ("spec", *problem["loc"]) if in_spec else problem["loc"],
            _fields_at(problem["loc"], job_name if in_spec else None),
        )
        for problem in error.errors()
    ]
    return f"JobSpec {job_name}: " + "; ".join(sentences) + "."


def _fields_at(path: tuple[int | str, ...], job_name: str | None) -> list[str]:
    """Return the fields that the model at `path`'s parent has, as the document spells them."""
    model: Any = SPEC_OF_JOB[job_name] if job_name else JobSpec
    for part in path[:-1]:
        by_spelling = {field.alias or name: field for name, field in model.model_fields.items()}
        if part not in by_spelling:
            return []
        annotation = by_spelling[part].annotation
        model = annotation if hasattr(annotation, "model_fields") else model
    return [field.alias or name for name, field in model.model_fields.items()]
