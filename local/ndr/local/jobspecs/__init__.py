"""The demo's JobSpecs as JSON documents, and reading JobSpec documents from files.

A document may hold ``${name}`` where the value is known only once the stack is deployed.
"""

from ndr.local.jobspecs.documents import DEMO_FILES, deployed_values, read_jobspec_files

__all__ = ["DEMO_FILES", "deployed_values", "read_jobspec_files"]
