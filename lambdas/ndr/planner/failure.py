"""How a machine fails: under the error's own name, which Step Functions takes from the class of a raised error."""

from __future__ import annotations

from ndr.contract.errors import NdrError, PipelineFailedError


def named_error(name: str, cause: str) -> NdrError:
    """Return the error of a name with its sentence; a name that the contract does not know goes into the sentence."""
    known = {error.__name__: error for error in NdrError.__subclasses__()}
    return known[name](cause) if name in known else PipelineFailedError(f"{name}: {cause}")
