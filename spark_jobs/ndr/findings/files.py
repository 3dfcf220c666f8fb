"""The files of findings: JSON lines of what changed by the scores of a partition, in each format.

A file is named after the partition: `<prefix>/ocsf/dt=2026-01-31/20260131T061500Z-PT15M.jsonl`. It has one line for
each finding of the UTC day that its scores saw or that was told otherwise, and one that closes each finding that was
told and is not one any more. A line has the state of the whole day so far, so that the line with the latest time is the
state of the finding, whichever file it is in. A partition that is built again replaces its file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ndr.contract.errors import PublishConflictError
from ndr.contract.time import DAY, Interval, floor_to, mini_batch_id
from ndr.findings.days import DayFindings, day_findings, has_findings
from ndr.findings.finding import Suppressed
from ndr.findings.formats import FORMATS, Document, Format, documents_of, lines_of
from ndr.findings.place import FindingsPlace
from ndr.findings.states import Status, activity_of
from ndr.store.partition import day_folder
from ndr.store.storage import join, list_files, read_bytes, read_version, replace_bytes

_ATTEMPTS: Final = 5
_SUFFIX: Final = ".jsonl"


@dataclass(frozen=True, slots=True)
class Told:
    """What the files of a partition tell: open and closed findings, and what was suppressed on its day."""

    findings: int = 0
    closed: int = 0
    suppressed: tuple[Suppressed, ...] = ()

    @property
    def suppressed_count(self) -> dict[str, int]:
        """How many findings of the day each suppression removed, by name, without those that removed none."""
        return {each.name: each.findings for each in self.suppressed if each.findings}


def tell(place: FindingsPlace, interval: Interval, published_at: datetime, now: datetime) -> Told | None:
    """Write the findings of a partition of scores that was published, in every format.

    Parameters
    ----------
    place : FindingsPlace
        With the prefix of the files; without one nothing is written.
    interval : Interval
        The time of the partition, within a UTC day.
    published_at : datetime
        When it was published: the time of the lines.
    now : datetime
        Decides which suppressions have expired.

    Returns
    -------
    Told or None
        None where the place has no prefix for files.

    Raises
    ------
    PublishConflictError
        Another run wrote the same file each time that this one was about to.
    """
    if place.files is None:
        return None
    day = Interval(floor_to(interval.start, DAY), floor_to(interval.start, DAY) + DAY)
    if not has_findings(place, interval) and not any(_files(place.files, each, day) for each in FORMATS.values()):
        return Told()
    for _ in range(_ATTEMPTS):
        # Read first: scores that are published after it change a file, which is seen when it is replaced.
        own = {name: read_version(_uri(place.files, each, interval)) for name, each in FORMATS.items()}
        found = day_findings(place, day, now)
        told = [
            _written(place.files, each, interval, day, found, published_at, *own[name])
            for name, each in FORMATS.items()
        ]
        if all(told):
            return told[0] or Told()
    raise PublishConflictError(
        f"{_uri(place.files, FORMATS['ocsf'], interval)} was written by others {_ATTEMPTS} times while this run was "
        "about to; look for who writes it, then run again."
    )


def _written(
    prefix: str,
    form: Format,
    interval: Interval,
    day: Interval,
    found: DayFindings,
    published_at: datetime,
    content: bytes | None,
    version: str | None,
) -> Told | None:
    """Write the file of one format; None if it changed meanwhile."""
    own = {form.uid_of(each): each for each in documents_of(content or b"")}
    known = _newest(form, (documents_of(read_bytes(uri) or b"") for uri in _files(prefix, form, day)))
    lines = changed(form, interval, found, own, known, published_at)
    if lines or content is not None:
        ordered = [lines[uid] for uid in sorted(lines)]
        if not replace_bytes(_uri(prefix, form, interval), lines_of(ordered), version):
            return None
    closed = sum(form.is_closed(each) for each in lines.values())
    return Told(len(lines) - closed, closed, found.findings.suppressed)


def changed(
    form: Format,
    interval: Interval,
    found: DayFindings,
    own: Mapping[str, Document],
    known: Mapping[str, Document],
    published_at: datetime,
) -> dict[str, Document]:
    """Return the lines of a file by uid.

    Parameters
    ----------
    found : DayFindings
        The day as it is now.
    own : mapping
        What the file told before, by uid.
    known : mapping
        What all files of the day told last, by uid.
    """
    lines: dict[str, Document] = {}
    now = {each.uid: each for each in found.findings.all}
    for uid, finding in now.items():
        is_seen = any(interval.start < end <= interval.end for end in finding.seen_at)
        line = form.document(finding, activity_of(finding, interval), published_at)
        if is_seen or uid in own or not _is_told(form, line, known.get(uid)):
            lines[uid] = line
    for uid, told in known.items():
        if uid in now:
            continue
        if not form.is_closed(told):
            status = Status.SUPPRESSED if uid in found.suppressed else Status.RESOLVED
            lines[uid] = form.closed(told, status, published_at)
        elif uid in own:
            lines[uid] = told
    return lines


def _is_told(form: Format, line: Document, told: Document | None) -> bool:
    """Tell whether what was told last of a finding is its state."""
    return told is not None and not form.is_closed(told) and form.details_of(told) == form.details_of(line)


def _newest(form: Format, files: Iterable[list[Document]]) -> dict[str, Document]:
    """Return the line of each uid that was told last."""
    newest: dict[str, Document] = {}
    for document in (each for documents in files for each in documents):
        uid = form.uid_of(document)
        if uid not in newest or form.modified_of(newest[uid]) <= form.modified_of(document):
            newest[uid] = document
    return newest


def _uri(prefix: str, form: Format, interval: Interval) -> str:
    return join(prefix, form.name, day_folder(interval.start), f"{mini_batch_id(interval)}{_SUFFIX}")


def _files(prefix: str, form: Format, day: Interval) -> list[str]:
    folder = join(prefix, form.name, day_folder(day.start))
    names = (info.base_name for info in list_files(folder))
    return [join(folder, name) for name in names if name.endswith(_SUFFIX)]
