"""One HTML file: the document, the codes, the style sheet and the scripts, each inside it.

The browser runs the two scripts whose digests the page names and loads nothing. Texts of logs are data: the script puts
them into the page as text, never as HTML.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from datetime import UTC, datetime
from importlib.resources import files
from string import Template
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ndr.contract.time import whole_seconds
from ndr.report.collect import Collected
from ndr.report.shape_data import shaped_data
from ndr.report.shape_hosts import shaped_hosts
from ndr.report.shape_operations import shaped_operations

_FOLDER: Final = files(__package__)


def page(found: Collected) -> str:
    """Return the HTML of the report."""
    hosts, codes = shaped_hosts(found.pages) if found.pages else (None, np.zeros(0, np.uint16))
    document = {
        "project": found.project_name,
        "version": found.feature_spec_version,
        "generated": whole_seconds(found.generated_at),
        "period": [found.period.start, found.period.end],
        "time_zone": found.time_zone,
        "hosts": hosts,
        "data": shaped_data(found),
        "operations": shaped_operations(found),
    }
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, default=_plain, allow_nan=False)
    css = _text("vendor/uPlot.min.css") + _text("page.css")
    library, script = _text("vendor/uPlot.iife.min.js"), _text("page.js")
    return Template(_text("page.html")).substitute(
        title=f"{found.project_name} {found.feature_spec_version}",
        css=css,
        css_digest=_digest(css),
        library=library,
        library_digest=_digest(library),
        script=script,
        script_digest=_digest(script),
        document=_packed(text.encode()),
        codes=_packed(_planes(codes)),
    )


def unpacked(text: str) -> bytes:
    """Return the content of an element of the page that `page` packed."""
    return zlib.decompress(base64.b64decode(text))


def _planes(codes: NDArray[np.uint16]) -> bytes:
    """Return the low bytes of all codes, then their high bytes, which repeat and so pack well on their own."""
    return (codes & 0xFF).astype(np.uint8).tobytes() + (codes >> 8).astype(np.uint8).tobytes()


def _packed(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content, 9)).decode()


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _text(name: str) -> str:
    return _FOLDER.joinpath(name).read_text("utf-8")


def _plain(value: Any) -> Any:
    """Return what JSON can hold of an instant: seconds since the epoch."""
    if isinstance(value, datetime):
        seconds = value.astimezone(UTC).timestamp()
        return int(seconds) if seconds == int(seconds) else round(seconds, 3)
    raise TypeError(f"{value!r} has no place in the document")
