"""Why a pipeline execution did not succeed: for the function explain_failure and for ``ndr why``."""

from ndr.explanation.explain import LOG_GROUP, explain

__all__ = ["LOG_GROUP", "explain"]
