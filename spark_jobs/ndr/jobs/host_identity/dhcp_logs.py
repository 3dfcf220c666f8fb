"""Zeek's DHCP logs below a prefix, in a folder for each day as Zeek archives them: `2026-01-31/dhcp.log.gz`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import fs

from ndr.contract.time import DAY, Interval, day_text, microseconds
from ndr.sources.content import Content
from ndr.sources.zeek.dhcp import DHCP_RECORDS, dhcp_records
from ndr.store.manifest import READERS
from ndr.store.storage import filesystem, join, list_folders, list_names

LEASE_REACH: Final = timedelta(days=8)
"""How long before a time the leases are looked for that are valid in it. A lease is renewed at half of its time at the
latest (RFC 2131, section 4.4.5), so that a lease of up to 16 days is seen."""

_NAME: Final = "dhcp"
_BLOCK: Final = 1 << 22


def read_dhcp_logs(prefix: str, span: Interval) -> pa.Table:
    """Read the leases that can be valid in a time, as DHCP_RECORDS; of a damaged file what stands before the damage.

    Those of its end and later are left out. Folders of a day more at both ends are read, because Zeek names them by
    local time.
    """
    folders = list_folders(prefix, day_text(span.start - LEASE_REACH - DAY), day_text(span.end + 2 * DAY))
    files = [
        join(prefix, folder, name)
        for folder in folders
        for name in list_names(join(prefix, folder), kind=fs.FileType.File)
        if name.startswith(_NAME)
    ]
    with ThreadPoolExecutor(READERS) as pool:
        records = pa.concat_tables([DHCP_RECORDS.empty_table(), *pool.map(_records, files)])
    return records.filter(pc.less(records["observed_at"], microseconds(span.end)))


def _records(uri: str) -> pa.Table:
    content = Content(*filesystem(uri))
    try:
        return dhcp_records(b"".join(iter(partial(content.read, _BLOCK), b"")))
    finally:
        content.close()
