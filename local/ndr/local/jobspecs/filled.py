"""A complete set of JobSpecs for a project of one's own, made from the demo's."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from ndr.contract.errors import InvalidRequestError
from ndr.contract.jobspecs import DELTA_BUILDER, MACHINE_INVENTORY_UNLOAD, check_jobspecs, parse_jobspec
from ndr.contract.jobspecs.machine_inventory_unload import DEFAULT_ROLE
from ndr.contract.time import format_instant, whole_seconds
from ndr.local.jobspecs.documents import DEMO_FILES, filled_document

EXAMPLE_SECRET: Final = "arn:aws:secretsmanager:us-east-1:111122223333:secret:ndr/redshift"  # noqa: S105
"""Stands in the JobSpec of the inventory until the secret is known."""


@dataclass(frozen=True)
class Answers:
    """What is asked of a project.

    Attributes
    ----------
    project_name, feature_spec_version : str
    prefix : str
        A bucket, or a prefix such as `s3://bucket/ndr/`, below which everything is published.
    source : str
        The log format.
    integration : str, optional
        Where the logs lie; `integration/` below `prefix` by default.
    owner : str
    secret_arn, cluster, workgroup, database : str, optional
        The database of the machine inventory.
    """

    project_name: str
    prefix: str
    feature_spec_version: str
    source: str
    owner: str
    integration: str | None = None
    secret_arn: str | None = None
    cluster: str | None = None
    workgroup: str | None = None
    database: str | None = None


def filled_documents(answers: Answers, now: datetime) -> dict[str, dict[str, Any]]:
    """Return the JobSpec documents of a project by file name, checked each and together.

    Raises
    ------
    InvalidRequestError, JobSpecInvalidError
        An answer cannot be used; the message says which, and what is allowed.
    """
    secret = answers.secret_arn or EXAMPLE_SECRET
    values = {
        "project_name": answers.project_name,
        "feature_spec_version": answers.feature_spec_version,
        "data_bucket": _place(answers.prefix),
        "engine": "auto",
        "secret_arn": secret,
        "region": _region(secret),
        "redshift_role_arn": DEFAULT_ROLE,
    }
    documents = {path.name: filled_document(path, values) for path in DEMO_FILES}
    for document in documents.values():
        document |= {"owner": answers.owner, "updated_at": format_instant(whole_seconds(now))}
    inputs = documents[f"{DELTA_BUILDER}.json"]["spec"]["inputs"]
    inputs["source"] = answers.source
    if answers.integration:
        inputs["integration"] = f"s3://{_place(answers.integration)}/"
    documents[f"{MACHINE_INVENTORY_UNLOAD}.json"]["spec"]["redshift"] |= _database(answers)
    check_jobspecs(parse_jobspec(document) for document in documents.values())
    return documents


def write_documents(documents: Mapping[str, Any], folder: Path) -> None:
    """Write documents into a new folder: all of them, or none.

    Raises
    ------
    InvalidRequestError
        The folder has something in it already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidRequestError(f"{folder} exists and is not an empty folder; name another one.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as beside:
        complete = Path(beside) / folder.name
        complete.mkdir()
        for name, document in documents.items():
            (complete / name).write_text(f"{json.dumps(document, indent=2)}\n", encoding="utf-8")
        os.replace(complete, folder)


def _place(prefix: str) -> str:
    """Return a bucket with the path in it: what follows `s3://`, without a slash at its end."""
    scheme, found, rest = prefix.strip().rpartition("://")
    place = rest.strip("/")
    if not place or (found and scheme != "s3"):
        raise InvalidRequestError(
            f"The prefix is {prefix!r:.80}: write a bucket, or a prefix such as s3://bucket/ndr/."
        )
    return place


def _region(secret_arn: str) -> str:
    parts = secret_arn.split(":")
    return parts[3] if len(parts) > 3 else ""


def _database(answers: Answers) -> dict[str, str | None]:
    if answers.cluster and answers.workgroup:
        raise InvalidRequestError("Both --cluster and --workgroup are given: name the one that has the machines.")
    given: dict[str, str | None] = {"database": answers.database} if answers.database else {}
    if answers.workgroup:
        return {**given, "cluster_identifier": None, "workgroup_name": answers.workgroup}
    return {**given, "cluster_identifier": answers.cluster} if answers.cluster else given
