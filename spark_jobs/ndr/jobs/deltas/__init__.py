"""Integration flows into deltas, peer deltas and quarantine."""

from ndr.jobs.deltas.kernel import Deltas, build_deltas
from ndr.jobs.deltas.read import read_integration
from ndr.sources.integration.validity import Split, split

__all__ = ["Deltas", "Split", "build_deltas", "read_integration", "split"]
