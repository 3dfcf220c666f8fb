"""The digest of a pipeline definition, which depends on its content and not on how its JSON is written."""

from __future__ import annotations

import hashlib
import json


def canonical_definition(definition: str) -> str:
    """Return a definition as JSON with sorted keys and one value on each line. The order of lists is kept."""
    return json.dumps(json.loads(definition), indent=2, sort_keys=True, ensure_ascii=False)


def definition_digest(definition: str) -> str:
    """Return the SHA-256, in hex, of a definition's canonical JSON."""
    return hashlib.sha256(canonical_definition(definition).encode()).hexdigest()
