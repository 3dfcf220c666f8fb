"""The Arrow schemas that a Zeek conn log is read into."""

import pyarrow as pa

from ndr.contract.datasets import INTEGRATION
from ndr.store.schema import arrow_schema

INTEGRATION_SCHEMA = arrow_schema(INTEGRATION)
"""One row per flow: the columns of the integration dataset, times in UTC with microseconds."""

REJECTED_SCHEMA = pa.schema(
    [("file", pa.string()), ("line", pa.int64()), ("reason", pa.string()), ("text", pa.string())]
)
"""One row per log line that can't be read as a flow: where it stands, why, and the line itself."""
