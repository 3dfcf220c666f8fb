"""The manifest of a published partition. It is the commit: readers open the files it names and no others."""

from __future__ import annotations

import json
from collections import Counter
from typing import Annotated, Final, NamedTuple, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import from_json

from ndr.contract.errors import SchemaMismatchError
from ndr.contract.time import Interval
from ndr.contract.wording import counted

FORMAT: Final = 3
"""The format that this release writes. It reads this one and every earlier one."""
MANIFEST_NAME: Final = "_manifest.json"
SUCCESS_NAME: Final = "_SUCCESS"


def _stays_inside(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/") or "\0" in path:
        raise ValueError(f"{path!r} is not a path below the partition")
    return path


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Count = Annotated[int, Field(ge=0)]


class FileEntry(_Frozen):
    """A Parquet file of the partition; `path` is relative to the partition and stays in it."""

    path: Annotated[str, AfterValidator(_stays_inside)]
    rows: Count
    bytes: Count


class TableEntry(_Frozen):
    """One table of the partition: its rows, the digest of its schema, and its files."""

    rows: Count
    schema_sha256: str
    files: tuple[FileEntry, ...]

    @model_validator(mode="after")
    def _rows_are_those_of_the_files(self) -> Self:
        in_files = sum(file.rows for file in self.files)
        if in_files != self.rows:
            raise ValueError(f"the table has {counted(self.rows, 'row')} and its files have {in_files}")
        return self


class InputFile(_Frozen):
    """A raw file as it was when it was read; `modified_at` in whole seconds."""

    name: str
    bytes: int
    modified_at: AwareDatetime


class Answer(_Frozen):
    """A version of a partition, and the time [start, end) for which it answered when it was read."""

    uri: str
    run_id: str
    start: AwareDatetime
    end: AwareDatetime

    @property
    def interval(self) -> Interval:
        return Interval(self.start, self.end)

    def within(self, interval: Interval) -> Answer | None:
        """Return the part that answers within an interval, or None."""
        part = self.interval.intersection(interval)
        if part is None or part == self.interval:
            return self if part else None
        return self.model_copy(update={"start": part.start, "end": part.end})


class InputRange(_Frozen):
    """The time that was asked of a dataset, and what answered for it; the rest of that time was not published.

    A short range names each partition in `answers`. A long one has `day_digests` instead: for each UTC day
    (`2026-01-31`) for which anything answered, a digest of what did (see `ndr.contract.lineage`).
    """

    dataset: str
    start: AwareDatetime
    end: AwareDatetime
    answers: tuple[Answer, ...] = ()
    day_digests: dict[str, str] | None = None

    @property
    def interval(self) -> Interval:
        return Interval(self.start, self.end)


class TimeRange(_Frozen):
    """A time [start, end)."""

    start: AwareDatetime
    end: AwareDatetime

    @property
    def interval(self) -> Interval:
        return Interval(self.start, self.end)


class InputEntry(_Frozen):
    """What was read: a published partition (`run_id` says which version of it) or a folder of raw files."""

    uri: str
    run_id: str | None = None
    files: tuple[InputFile, ...] = ()


class RowAccount(_Frozen):
    """Every row that came in was used, quarantined, a repetition of another row, or not a flow.

    `rows_of_other_times` counts the rows of the same files that other batches account for; they are not in `rows_in`.
    `rows_not_flows` counts the rows that are not flows by kind. `records` of them are allowed records of one direction,
    which were paired; no record of the other direction answers `records_unpaired` of these.
    """

    rows_in: Count
    rows_used: Count
    rows_quarantined: Count
    rows_repeated: Count = 0
    rows_not_flows: dict[str, Count] = {}
    records: Count = 0
    records_unpaired: Count = 0
    rows_of_other_times: Count = 0

    @model_validator(mode="after")
    def _rows_add_up(self) -> Self:
        told = self.rows_used + self.rows_quarantined + self.rows_repeated + sum(self.rows_not_flows.values())
        if self.rows_in != told:
            raise ValueError("the rows that came in are not those used, quarantined, repeated and not flows")
        return self

    @property
    def unpaired_share(self) -> float | None:
        """The share of the records of one direction that could not be paired, in [0, 1]; None without such records."""
        return self.records_unpaired / self.records if self.records else None

    def __add__(self, other: RowAccount) -> RowAccount:
        """Return the account of both."""
        kinds = Counter(self.rows_not_flows) + Counter(other.rows_not_flows)
        counts = {
            name: getattr(self, name) + getattr(other, name)
            for name in RowAccount.model_fields
            if name != "rows_not_flows"
        }
        return RowAccount(**counts, rows_not_flows=kinds)


class CompactedVersion(_Frozen):
    """A version of a partition that was put together with others: what its manifest said, less its files and reads.

    `start` and `end` are of the whole version; `Manifest.compacted_from` says for which part of it its rows are there.
    `unkeyed_rows` counts its rows in each table that has no key, where the rows of the versions follow each other.
    `outdated_reads` is what of its reads was not what answered when it was compacted: it was stale then.
    """

    uri: str
    run_id: str
    start: AwareDatetime
    end: AwareDatetime
    published_at: AwareDatetime
    code_version: str
    coverage: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
    undelivered: tuple[TimeRange, ...] = ()
    rows: RowAccount | None = None
    networks: str | None = None
    inputs: tuple[InputEntry, ...] = ()
    unkeyed_rows: dict[str, Count] = {}
    outdated_reads: tuple[InputRange, ...] = ()

    @property
    def name(self) -> tuple[str, str]:
        """What tells it from every other version: its partition and its run."""
        return self.uri, self.run_id


class Manifest(_Frozen):
    """What a partition holds and where it came from.

    `coverage` is the share, in [0, 1], of the time asked for that the inputs covered. `undelivered` are, of deltas, the
    parts of their time that no delivery held; manifests of before format 3 do not tell. `code_version` is the digest of
    the job sources. `reads` says what was asked of published datasets and what answered: it decides what is stale.
    `inputs` lists the same partitions, and folders of raw files, by name. A partition that only puts others together
    has `compacted_from`, what of it comes from which version, and `compacted_versions`, which describes each version:
    `ndr.contract.compacted` says what follows. `networks` is the digest of the networks that tell hosts from others;
    datasets that need none, and compacted partitions, have none. `effective_end` is of a baseline: it summarizes
    [start, effective_end), which stops a safety gap before `end`, the end that names it. `format` is 1 in manifests of
    before it was written. `note` is a sentence for the reader where there is something to say, e.g. an empty batch.
    """

    format: Annotated[int, Field(ge=1, le=FORMAT)] = 1
    dataset: str
    project_name: str
    feature_spec_version: str
    start: AwareDatetime
    end: AwareDatetime
    tables: dict[str, TableEntry]
    rows: RowAccount | None = None
    inputs: tuple[InputEntry, ...] = ()
    reads: tuple[InputRange, ...] = ()
    compacted_from: tuple[Answer, ...] = ()
    compacted_versions: tuple[CompactedVersion, ...] = ()
    coverage: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 1.0
    undelivered: tuple[TimeRange, ...] = ()
    code_version: str
    run_id: str
    published_at: AwareDatetime
    effective_end: AwareDatetime | None = None
    networks: str | None = None
    note: str | None = None

    @property
    def interval(self) -> Interval:
        """The time that the partition answers for, [start, end)."""
        return Interval(self.start, self.end)

    @property
    def summarized(self) -> Interval:
        """The time that a baseline summarizes."""
        return Interval(self.start, self.effective_end or self.end)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.start >= (self.effective_end or self.end) or self.end < (self.effective_end or self.end):
            raise ValueError("its time ends before it starts")
        named = Counter(file.path for table in self.tables.values() for file in table.files)
        for path, times in named.items():
            if times > 1:
                raise ValueError(f"it names {path} {counted(times, 'time')}")
        known = {version.name for version in self.compacted_versions}
        unknown = [answer for answer in self.compacted_from if (answer.uri, answer.run_id) not in known]
        if unknown:
            raise ValueError(f"it does not describe {unknown[0].uri}, which it was compacted from")
        return self


class Owner(NamedTuple):
    """Whose data it is: readers refuse a partition of another project or feature spec version."""

    project_name: str
    feature_spec_version: str


def parse_manifest(uri: str, content: bytes, without_reads: bool = False) -> Manifest:
    """Read a manifest and verify what it says of itself.

    Parameters
    ----------
    without_reads : bool
        Whether `reads` is left out, and not verified: most of the manifest of a slice of FG-A.

    Raises
    ------
    SchemaMismatchError
        It is not a manifest, or one of a newer release; the sentence names `uri` and what to do.
    """
    try:
        if without_reads:
            return Manifest.model_validate(_without_reads(content))
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        version = _format_of(content)
        if version > FORMAT:
            raise SchemaMismatchError(
                f"{uri} was written by a newer release (format {version}, this one reads up to {FORMAT}); run this "
                "with the newer release, or publish the partition again with this one."
            ) from None
        raise SchemaMismatchError(
            f"{uri} is not a manifest ({_first_problem(error)}); publish the partition again."
        ) from None


def _without_reads(content: bytes) -> object:
    try:
        found = from_json(content)
    except ValueError:
        return None
    if isinstance(found, dict):
        found.pop("reads", None)
    return found


def _format_of(content: bytes) -> int:
    """Return the format that a document names, or 0."""
    try:
        found = json.loads(content)
    except ValueError:
        return 0
    version = found.get("format") if isinstance(found, dict) else None
    return version if isinstance(version, int) else 0


def check_owner(uri: str, manifest: Manifest, dataset: str, owner: Owner | None) -> None:
    """Check that a manifest is of the dataset and, where one is given, of the owner.

    Raises
    ------
    SchemaMismatchError
        It is of another dataset, project or feature spec version.
    """
    if manifest.dataset != dataset:
        raise SchemaMismatchError(
            f"{uri} holds {manifest.dataset}, not {dataset}; give each dataset a prefix of its own in the JobSpecs."
        )
    found = Owner(manifest.project_name, manifest.feature_spec_version)
    if owner is not None and found != owner:
        raise SchemaMismatchError(
            f"{uri} belongs to project {found.project_name}, version {found.feature_spec_version}, and this run is of "
            f"project {owner.project_name}, version {owner.feature_spec_version}; give each project and version "
            "prefixes of its own in the JobSpecs."
        )


def _first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    more = f", and {error.error_count() - 1} more" if error.error_count() > 1 else ""
    return f"{place + ': ' if place else ''}{first['msg']}{more}"
