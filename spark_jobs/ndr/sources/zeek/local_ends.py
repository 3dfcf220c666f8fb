"""The addresses that Zeek calls local, by `local_orig` and `local_resp` of conn logs (its `Site::local_nets`)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from ndr.net.addresses import canonical_address
from ndr.sources.zeek.header import Header, is_header

_ENDS: Final = (("id.orig_h", "local_orig"), ("id.resp_h", "local_resp"))
_LOCAL: Final = ("T", "true", True)


def local_addresses(content: bytes) -> set[str]:
    """Return the local addresses of a log's beginning, whose last line may be cut, in canonical text.

    There are none where the log has not the two fields, or Zeek does not know its local networks.
    """
    whole = content[: content.rfind(b"\n") + 1].decode(errors="replace")
    texts = set(_of_objects(whole) if whole.lstrip().startswith("{") else _of_lines(whole))
    return {address for address in map(canonical_address, texts) if address}


def _of_lines(text: str) -> Iterator[str]:
    header, places = Header(), _places(Header())
    for line in text.splitlines():
        if is_header(line):
            header = header.after(line.lstrip())
            places = _places(header)
        elif places:
            values = line.split(header.separator)
            if len(values) == len(header.fields):
                yield from (values[host] for host, flag in places if values[flag] in _LOCAL)
        elif not header.fields:
            header = Header.of_names(line) or header
            places = _places(header)


def _places(header: Header) -> list[tuple[int, int]]:
    known = {name: place for place, name in enumerate(header.fields)}
    return [(known[host], known[flag]) for host, flag in _ENDS if host in known and flag in known]


def _of_objects(text: str) -> Iterator[str]:
    for line in text.splitlines():
        record = _object(line)
        for host, flag in _ENDS:
            address = record.get(host, record.get(host.replace(".", "_")))
            if record.get(flag) in _LOCAL and isinstance(address, str):
                yield address


def _object(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
