"""The demo's JobSpecs as JSON documents, and the reader of JobSpec documents.

A document may contain ``${name}`` for a value that is known only after the deploy.
"""

from ndr.local.jobspecs.documents import DEMO_FILES, SCORES_FILE, deployed_values, read_jobspec_files

__all__ = ["DEMO_FILES", "SCORES_FILE", "deployed_values", "read_jobspec_files"]
