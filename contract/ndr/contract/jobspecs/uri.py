"""A prefix is a URI: `s3://bucket/path/` in the cloud, `file:///path/` on one machine."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator

_S3 = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+")


# Two prefixes that differ only in these would be one place: they are not part of a URI's path.
_NOT_PATH: Final = {"#": "a fragment", "?": "a query", "%": "a percent escape"}


def _prefix_uri(text: str) -> str:
    for character, meaning in _NOT_PATH.items():
        if character in text:
            raise ValueError(f"{text!r} holds {character!r}, {meaning}; write a plain prefix")
    if any(character in text for character in "*[]\n\r\0"):
        raise ValueError(f"{text!r} holds a wildcard or a control character; write a plain prefix")
    if not (_S3.fullmatch(text) or text.startswith("file:///")):
        raise ValueError(f"{text!r} is not a prefix: write s3://bucket/path/ or file:///path/")
    if ".." in text.split("/"):
        raise ValueError(f"{text!r} climbs with '..'; write the prefix itself")
    return text.rstrip("/") + "/"


PrefixUri = Annotated[str, AfterValidator(_prefix_uri)]
"""A prefix URI; always ends with one slash."""
