"""Conversion of logs to integration mini-batches."""

from ndr.local.ingest.report import IngestedBatch, IngestedFile, IngestReport, Progress
from ndr.local.ingest.run import ingest

__all__ = ["IngestReport", "IngestedBatch", "IngestedFile", "Progress", "ingest"]
