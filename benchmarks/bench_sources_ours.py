"""A log read and judged as the delta builder does: python bench_sources_ours.py FILE SOURCE."""

import json
import sys
from datetime import UTC, datetime

import without_pandas  # noqa: F401

# isort: split
import pyarrow.compute as pc
from pyarrow import fs

from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.contract.time import Interval
from ndr.jobs.deltas.read import reads_of
from ndr.sources.integration.validity import split

path, source = sys.argv[1:]
ever = Interval(datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC))
prefixes = {"inputs": {"integration": "file:///in/", "source": source}, "outputs": {"deltas": "file:///out/"}}
spec = DeltaBuilderSpec.model_validate({**prefixes, "time_zone": "UTC"})
found = {"rows": 0, "sent": 0, "received": 0}
for read in reads_of(fs.LocalFileSystem(), [path], spec, threads=2):
    parts = split(read.table, ever)
    assert not parts.quarantined.num_rows, "the connections drawn hold no row that can't be used"
    found["rows"] += parts.flows.num_rows
    found["sent"] += pc.sum(parts.flows["source_bytes"]).as_py()
    found["received"] += pc.sum(parts.flows["destination_bytes"]).as_py()
print(json.dumps(found))
