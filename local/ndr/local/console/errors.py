"""The sentence for each error that a person, a full disk or a lost account can cause."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)
from pyarrow import ArrowException

from ministack_sagemaker.errors import AccountError, Remedy
from ndr.contract.errors import NdrError

_REMEDIES: Final[Mapping[Remedy, str]] = {
    "start": "Start one with `ndr up`.",
    "stop": "Stop it first with `ndr down`.",
}
_HERE: Final = 'The account on this machine: eval "$(ndr env)".'
_FULL: Final = "Free some space, then start the command again."
_ANOTHER_FOLDER: Final = "Name a folder of yours with --directory, or change its permissions."
_FILES: Final[Mapping[int, str]] = {
    errno.EACCES: _ANOTHER_FOLDER,
    errno.EPERM: _ANOTHER_FOLDER,
    errno.EROFS: _ANOTHER_FOLDER,
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.ENOTDIR: "A part of the path is a file where a folder is expected. Name another folder, or move the file.",
    errno.EEXIST: "It is a file where a folder is expected. Name another folder, or move the file.",
    errno.EISDIR: "It is a folder where a file is expected. Name a file.",
    errno.ENOENT: "Check the spelling of the path.",
    errno.ENAMETOOLONG: "Name a shorter path.",
    errno.EMFILE: "Raise the limit of open files: ulimit -n 4096.",
}


def sentence_of(error: Exception) -> str | None:
    """Return what to tell a person about an error; None for a bug, whose traceback is needed.

    Parameters
    ----------
    error : Exception

    Returns
    -------
    str or None
        The error's name, what was found, and what to type.
    """
    match error:
        case AccountError():
            remedy = f" {_REMEDIES[error.remedy]}" if error.remedy else ""
            return f"AccountError: {error}{remedy}"
        case NdrError():
            return f"{type(error).__name__}: {error}"
        case NoCredentialsError() | PartialCredentialsError():
            return f"{type(error).__name__}: {error}. Set AWS_PROFILE, or sign in with `aws configure`. {_HERE}"
        case NoRegionError():
            return "NoRegionError: No region is set. Set AWS_REGION."
        case ClientError():
            return f"{error.response['Error']['Code']}: {error}"
        case ConnectionError() | HTTPClientError():
            return f"{type(error).__name__}: {error} `ndr doctor` tells whether the account on this machine runs."
        case BotoCoreError() | ArrowException():
            return f"{type(error).__name__}: {error}"
        case OSError():
            return _of_file(error)
    return None


def _of_file(error: OSError) -> str:
    reason = error.strerror or str(error)
    where = f"{error.filename}: " if error.filename else ""
    remedy = _FILES.get(error.errno or 0, "")
    return f"{type(error).__name__}: {where}{reason}. {remedy}".rstrip()
