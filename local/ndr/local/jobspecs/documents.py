"""JobSpec documents: JSON files with one JobSpec or a list of JobSpecs."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from ndr.contract.errors import InvalidRequestError, JobSpecInvalidError
from ndr.contract.jobspecs import FG_C_BUILDER, JOB_NAMES, JobSpec, parse_jobspec
from ndr.local.deployment.deployment import Deployment

DEMO_FILES: Final = tuple(Path(__file__).parent / f"{job_name}.json" for job_name in JOB_NAMES)
SCORES_FILE: Final = Path(__file__).parent / f"{FG_C_BUILDER}.json"
"""The one of DEMO_FILES that the demo puts when there are baselines."""
_PLACEHOLDER: Final = re.compile(r"\$\{([a-z_]+)\}")


def deployed_values(deployment: Deployment, engine: str = "auto") -> dict[str, str]:
    """Return the values of the placeholders for a deployment."""
    return {
        "project_name": deployment.project_name,
        "feature_spec_version": deployment.feature_spec_version,
        "data_bucket": deployment.data_bucket,
        "secret_arn": deployment.secret_arn,
        "region": deployment.account.region,
        "redshift_role_arn": f"arn:aws:iam::{deployment.account.account_id}:role/ndr-redshift-unload",
        "engine": engine,
    }


def read_jobspec_files(files: Iterable[Path], values: Mapping[str, str] | None = None) -> list[JobSpec]:
    """Read and validate the JobSpecs of files.

    Parameters
    ----------
    files : iterable of Path
        JSON documents: an object, or an array of objects. A folder stands for its `*.json` files.
    values : mapping of str to str, optional
        Value of each placeholder ``${name}``.

    Raises
    ------
    InvalidRequestError
        A file does not exist or is not JSON, or a placeholder has no value.
    JobSpecInvalidError
        A document is invalid. The message names its file.
    """
    jobspecs = []
    for path in [each for given in files for each in _expanded(given)]:
        for document in _documents(path):
            try:
                jobspecs.append(parse_jobspec(_filled(document, values or {}, path)))
            except JobSpecInvalidError as error:
                raise JobSpecInvalidError(f"{path}: {error}") from None
    return jobspecs


def filled_document(path: Path, values: Mapping[str, str]) -> dict[str, Any]:
    """Return the one JobSpec document of a file, with values for its placeholders."""
    (document,) = _documents(path)
    return {key: _filled(value, values, path) for key, value in document.items()}


def _expanded(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(path.glob("*.json"))
    if not files:
        raise InvalidRequestError(f"The folder {path} has no JobSpec document: there is no *.json in it.")
    return files


def _documents(path: Path) -> list[dict[str, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=partial(_without_repetition, path))
    except OSError as error:
        raise InvalidRequestError(f"{path} can't be read: {error.strerror}. Name a JobSpec document.") from None
    except ValueError as error:
        raise InvalidRequestError(f"{path} is not JSON: {error}.") from None
    documents = content if isinstance(content, list) else [content]
    if not documents or not all(isinstance(document, dict) for document in documents):
        raise InvalidRequestError(f"{path} holds no JobSpec: write an object, or an array of objects.")
    return documents


def _without_repetition(path: Path, fields: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name that an object gives twice: JSON parsers silently keep the last."""
    counts = Counter(name for name, _ in fields)
    twice = ", ".join(repr(name) for name, count in counts.items() if count > 1)
    if twice:
        raise JobSpecInvalidError(f"{path}: an object gives {twice} twice; give each name once, with all its values.")
    return dict(fields)


def _filled(value: Any, values: Mapping[str, str], path: Path) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, values, path) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, values, path) for item in value]
    return _PLACEHOLDER.sub(lambda found: _value(found[1], values, path), value) if isinstance(value, str) else value


def _value(name: str, values: Mapping[str, str], path: Path) -> str:
    if name in values:
        return values[name]
    known = f"known are {', '.join(values)}" if values else "start an account with `ndr up`, whose values then stand in"
    raise InvalidRequestError(f"{path} holds ${{{name}}}, which has no value: {known}, or write the value itself.")
