"""Words that the project replaced, each with the word to write instead.

A pattern is a regular expression over one line. It is case-sensitive unless it says otherwise. A word of the language
that also has a plain meaning is matched only in the context of the replaced one.
"""

from __future__ import annotations

from typing import Final

REPLACED: Final[tuple[tuple[str, str], ...]] = (
    (r"(?i)\bstrays?\b|_strays?\b|\bStray", "out-of-batch rows"),
    (r"(?i)\bset aside\b", "quarantined"),
    (r"\bbrought by\b|\bbrought_by\b", "source batch"),
    (r"(?i)\bfacets?\b|_facets?\b", "peer dimensions"),
    (r"(?i)\bstand-?outs?\b|stand_?outs?|\bst(?:an|oo)ds? out\b", "anomaly ranking, deviates"),
    (r"(?i)\boffices?\b|_office\b|\boffice_", "synthetic network; a project's name in a test: ndr-test"),
    (r"(?i)\bplant(?:ed|s)?\b|_planted\b", "injected attacks; of mistakes: deliberate"),
    (r"(?i)(?<!ground )(?<!ground_)\btruth\b", "ground truth"),
    (r"(?i)\bparcels?\b|_parcels?\b", "messages"),
    (r"\bGates?\b(?!way)|\bFirstHost\b|\bfarewells?\b|\bGuests?\b", "Coordinator, CoordinatorClient, shutdown grace"),
    (r"\bWay\(|: Way\b|\bclass Way\b|\bCleared\b|\bleaving out\b", "strategy, capped"),
    (r"\bclass (?:Short|Held)\b|\b(?:Short|Held)\(", "InsufficientHistory, LeaseHeld"),
    (r"(?i)hasty", "fast_account"),
    (r"\babsent_objects\b", "missing_keys"),
    (r"\bWhatToDo\b", "IsDryRun"),
    (r"\bLeftAsItIs\b", "Skip"),
    (r"\bIsItOver\b", "CheckStatus"),
    (r"\bInventoryFirst\b", "NeedsInventory"),
    (r"(?i)\bwho(?:so)?ever\b", "a noun, as the holder"),
    (r"\bin nobody\b|\bnobody's\b", "the absent owner, named"),
    (
        r"\b(?:is|are) no (?:manifest|place|month|log|flow|number|address|host|file|json|conn|role|batch|horizon)s?\b",
        "is not a ...",
    ),
    (r"(?i)\bbetween two looks\b", "polling interval"),
    (r"\bunder a host's feet\b", "recreated from an image"),
    (r"\b(?:AWS )?account that lives in\b", "an in-process AWS emulator"),
    (r"\bAnother place than\b", "Override ..."),
    (r"\bmust not hide what it says\b", "must not mask the original error"),
    (r"\bwhat runs is not known\b", "cannot list running executions"),
    (r"(?i)\bcan't be asked\b", "the status cannot be read"),
    (r"(?i)\bchildren of this process\b", "child processes"),
)
"""Pattern and better word."""
