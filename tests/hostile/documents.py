"""Hostile documents: values that nobody means to write, and good documents with something wrong in them."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

NASTY = [
    *("", " ", "\0", "\ud800", "\u202e", "a" * 5000, "none", "null", "true", "NaN", "-0", "1e999", "9" * 5000),
    *("2026-01-01", "2026-01-01T00:00:00Z", "2026-02-30", "2026-13-01T00:00:00Z", "20260101", "2026-W01-1"),
    *(
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "9999-12-31",
        "0001-01-01",
        "2026-01-01T00:00:00+99:99",
    ),
    *("٢٠٢٦-٠١-٠١", "2026-01-01t00:00:00z", "2026-01", "0000-00", "9999-12", "12026-01-01"),
    *(
        "7d",
        "30d",
        "both",
        "REGULAR",
        "BACKFILL",
        "completed",
        "s3://b/",
        "s3://bucket/x",
        "file:///x",
        "s3:///",
        "file:",
    ),
    *("../../etc/passwd", "s3://bucket/../x", "file:///a/%00", "a#b", "${x}", "{{x}}", "%s%n", "'; DROP TABLE m; --"),
    *(
        "10.0.0.0/33",
        "::/129",
        "10.0.0.1",
        "::ffff:1.2.3.4",
        "fe80::1%eth0",
        "1.2.3",
        "٣.٣.٣.٣",
        "Europe/Berlin",
        "../UTC",
    ),
]
texts = st.sampled_from(NASTY) | st.text(max_size=30)
numbers = (
    st.sampled_from([0, -1, 1, 2**31, 2**53, 2**63 - 1, 2**63, -(2**63) - 1, 2**70, 10**400, 1e15, 1e308, -0.0, 0.5])
    | st.integers()
    | st.floats()
)
scalars = st.none() | st.booleans() | numbers | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)


@st.composite
def damaged(draw: st.DrawFn, document: Any, most: int = 3) -> Any:
    """Return a document after up to `most` changes, each anywhere in it: a value replaced, removed, added, moved."""
    found = copy.deepcopy(document)
    for _ in range(draw(st.integers(0, most))):
        place = draw(st.sampled_from(list(_containers(found))))
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        act = draw(st.sampled_from(["replace", "replace", "remove", "add", "nest"])) if keys else "add"
        if act == "add":
            _add(place, draw(texts), draw(values))
            continue
        key = draw(st.sampled_from(keys))
        if act == "remove":
            del place[key]
        else:
            place[key] = [place[key]] if act == "nest" else draw(values)
    return found


def _containers(found: Any) -> list[Any]:
    if not isinstance(found, dict | list):
        return []
    inner = found.values() if isinstance(found, dict) else found
    return [found, *(place for value in inner for place in _containers(value))]


def _add(place: Any, key: str, value: Any) -> None:
    if isinstance(place, dict):
        place[key] = value
    else:
        place.append(value)


pieces = st.binary(min_size=1, max_size=8) | st.sampled_from([b"\n", b"\r\n", b"\xff\xfe", b"#", b"\t", b'"'])


@st.composite
def damaged_bytes(draw: st.DrawFn, content: bytes) -> bytes:
    """Return bytes after a few changes: cut, overwritten, inserted into, repeated."""
    found = bytearray(content)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(found)))
        act = draw(st.sampled_from(["cut", "drop", "insert", "overwrite", "repeat"]))
        piece = draw(
            st.binary(min_size=1, max_size=8) | st.sampled_from([b"\n", b"\r\n", b"\xff\xfe", b"#", b"\t", b'"'])
        )
        if act == "cut":
            del found[at:]
        elif act == "drop":
            del found[at : at + len(piece)]
        elif act == "insert":
            found[at:at] = piece
        elif act == "overwrite":
            found[at : at + len(piece)] = piece
        else:
            found[at:at] = found[at : at + 64]
    return bytes(found)
