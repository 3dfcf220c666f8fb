"""The parser of addresses."""

from __future__ import annotations

import pyarrow as pa

from ndr.net.addresses import canonical_address
from ndr.sources.values.converted import Converted, to_words


def to_addresses(column: pa.Array) -> Converted:
    """Convert IPv4 and IPv6 addresses to codes of their canonical text (see `ndr.net.addresses`)."""
    return to_words(column, canonical_address)
