"""Named errors. The class name is the error name that Step Functions shows and matches on.

A message is a sentence for the person at the console: what was found, what is allowed, what to type.
"""

from __future__ import annotations


class NdrError(Exception):
    """Base of every error that this package raises on purpose."""


class InvalidRequestError(NdrError):
    """A request (machine input, command line, job argument) can't be honoured. Raised by plan_run and the jobs."""


class JobSpecNotFoundError(NdrError):
    """No JobSpec item has the asked key. Raised by plan_run and by every job."""


class JobSpecInvalidError(NdrError):
    """A JobSpec, or the set of them, breaks a rule. Raised by the JobSpec check, plan_run and every job."""


class InsufficientHistoryError(NdrError):
    """Fewer slices are published than the JobSpec's `min_coverage` asks for. Raised by the FG-B job."""


class SchemaMismatchError(NdrError):
    """A file's columns or types are not those of its dataset. Raised by readers and before publishing."""


class EmptyResultError(NdrError):
    """A build without rows would replace published rows. Raised by the jobs; nothing is published."""


class RedshiftStatementError(NdrError):
    """Redshift refused, failed or did not finish a statement. Raised by the inventory unload; nothing is published."""


class UnloadVerificationError(NdrError):
    """The unloaded inventory does not hold what the query counted. Raised by the inventory unload; staging is kept."""


class PublishConflictError(NdrError):
    """Another run published, or is publishing, the same partition. Raised when a partition is committed."""


class PipelineFailedError(NdrError):
    """A SageMaker pipeline execution ended other than Succeeded. Raised by the run_pipeline machine."""
