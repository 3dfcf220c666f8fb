"""A JobSpec as DynamoDB holds it: key, spec, and who wrote it when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, Final, Generic, Self, TypeVar, get_args, get_origin, overload

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, ValidationError

from ndr.contract.errors import JobSpecInvalidError
from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.contract.jobspecs.fg_a_builder import FgABuilderSpec
from ndr.contract.jobspecs.fg_b_builder import FgBBuilderSpec
from ndr.contract.jobspecs.fg_c_builder import FgCBuilderSpec
from ndr.contract.jobspecs.machine_inventory_unload import MachineInventoryUnloadSpec
from ndr.contract.jobspecs.model import Identifier, SpecModel
from ndr.contract.jobspecs.networks import MOVED, Networks
from ndr.contract.jobspecs.non_persistent_prefixes import NonPersistentPrefixesSpec
from ndr.contract.jobspecs.pair_counts_builder import PairCountsBuilderSpec
from ndr.contract.jobspecs.suppressions import SuppressionsSpec
from ndr.contract.problems import problem_sentence

SpecT = TypeVar("SpecT", bound=SpecModel)


class Job(str, Generic[SpecT]):
    """A job's name, which knows the model of its spec. It equals the plain name, and is one where text is asked for."""

    spec_model: type[SpecT]

    def __new__(cls, name: str, spec_model: type[SpecT]) -> Self:
        job = super().__new__(cls, name)
        job.spec_model = spec_model
        return job


DELTA_BUILDER: Final = Job("delta_builder", DeltaBuilderSpec)
FG_A_BUILDER: Final = Job("fg_a_builder", FgABuilderSpec)
PAIR_COUNTS_BUILDER: Final = Job("pair_counts_builder", PairCountsBuilderSpec)
FG_B_BUILDER: Final = Job("fg_b_builder", FgBBuilderSpec)
FG_C_BUILDER: Final = Job("fg_c_builder", FgCBuilderSpec)
MACHINE_INVENTORY_UNLOAD: Final = Job("machine_inventory_unload", MachineInventoryUnloadSpec)
NON_PERSISTENT_PREFIXES: Final = Job("non_persistent_prefixes", NonPersistentPrefixesSpec)
NETWORKS: Final = Job("networks", Networks)
SUPPRESSIONS: Final = Job("suppressions", SuppressionsSpec)

JOBS: Final[tuple[Job[Any], ...]] = (
    DELTA_BUILDER,
    FG_A_BUILDER,
    PAIR_COUNTS_BUILDER,
    FG_B_BUILDER,
    FG_C_BUILDER,
    MACHINE_INVENTORY_UNLOAD,
    NON_PERSISTENT_PREFIXES,
    NETWORKS,
    SUPPRESSIONS,
)
"""The one list of jobs. A JobSpec is valid when its job is in it and its spec fits the job's model."""

JOB_NAMES: Final = tuple(str(job) for job in JOBS)
_JOB_OF_NAME: Final[dict[str, Job[Any]]] = {str(job): job for job in JOBS}


def _known_job(name: str) -> str:
    if name not in _JOB_OF_NAME:
        raise ValueError(f"{name!r} is not a job; allowed are {', '.join(JOB_NAMES)}")
    return name


JobName = Annotated[str, AfterValidator(_known_job)]


class JobSpec(BaseModel, Generic[SpecT]):
    """One JobSpec item. `spec` is the model of its job."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    project_name: Identifier
    job_name: JobName
    feature_spec_version: Identifier
    spec: SpecT
    updated_at: AwareDatetime
    owner: str

    @property
    def job_name_version(self) -> str:
        """The table's sort key, `job_name#feature_spec_version`."""
        return sort_key(self.job_name, self.feature_spec_version)


class JobSpecs(dict[str, JobSpec[Any]]):
    """JobSpecs by job name. Asked by a Job, it gives that job's type of JobSpec."""

    @overload
    def __getitem__(self, job: Job[SpecT]) -> JobSpec[SpecT]: ...
    @overload
    def __getitem__(self, job: str) -> JobSpec[Any]: ...
    def __getitem__(self, job: str) -> JobSpec[Any]:
        return super().__getitem__(job)


def sort_key(job_name: str, feature_spec_version: str) -> str:
    """Return `job_name#feature_spec_version`."""
    return f"{job_name}#{feature_spec_version}"


def parse_jobspec(item: Mapping[str, Any]) -> JobSpec[Any]:
    """Validate a JobSpec document or table item.

    Raises
    ------
    JobSpecInvalidError
        One sentence for every field that breaks a rule.
    """
    document = dict(item)
    stored_key = document.pop("job_name_version", None)
    job = _JOB_OF_NAME.get(str(document.get("job_name")))
    try:
        jobspec = (JobSpec[job.spec_model] if job else JobSpec[SpecModel]).model_validate(document)  # type: ignore[name-defined]
    except ValidationError as error:
        raise JobSpecInvalidError(_explained(error, document.get("job_name"), job)) from None
    if stored_key not in (None, jobspec.job_name_version):
        raise JobSpecInvalidError(
            f"JobSpec {jobspec.job_name}: its key job_name_version is {stored_key!r}, "
            f"its fields say {jobspec.job_name_version!r}; put it again with `ndr jobspec put`."
        )
    return jobspec


def _explained(error: ValidationError, name: Any, job: Job[Any] | None) -> str:
    problems = [problem for problem in error.errors() if job or problem["loc"][:1] != ("spec",)]
    sentences = [_sentence(problem, job) for problem in problems]
    return f"JobSpec {name if isinstance(name, str) else '?'}: " + "; ".join(sentences) + "."


def _sentence(problem: Any, job: Job[Any] | None) -> str:
    path = problem["loc"]
    moved = MOVED.get((str(job), path[1])) if path[:1] == ("spec",) and len(path) == 2 else None
    if moved and problem["type"] == "extra_forbidden":
        return f"spec.{path[1]}: is in the JobSpec {NETWORKS} now, for all jobs; write {moved} there, remove it here"
    return problem_sentence(problem, path, _fields_at(path, job))


def _fields_at(path: tuple[int | str, ...], job: Job[Any] | None) -> list[str]:
    """Return the fields that the model at `path`'s parent has, as the document spells them."""
    model: Any = JobSpec
    parts = iter(path[:-1])
    for part in parts:
        if model is JobSpec and part == "spec" and job:
            model = job.spec_model
            continue
        by_spelling = {field.alias or name: field for name, field in model.model_fields.items()}
        if part not in by_spelling:
            return []
        annotation = by_spelling[part].annotation
        if get_origin(annotation) is dict and hasattr(of_values := get_args(annotation)[1], "model_fields"):
            next(parts, None)  # the name that the value is given under
            model = of_values
            continue
        if is_dataclass(annotation):
            return [field.name for field in fields(annotation)]
        model = annotation if hasattr(annotation, "model_fields") else model
    return [field.alias or name for name, field in model.model_fields.items()]
