"""Words that the project replaced, each with the word to write instead.

A pattern is a regular expression that is searched in one line. A word of plain English is matched only in the context
of its old use.
"""

from __future__ import annotations

from typing import Final

REPLACED: Final[tuple[tuple[str, str], ...]] = (
    (r"\b[Ss]et aside\b", "quarantined"),
    (r"[Hh]asty", "fast_account"),
    (r"\babsent_objects\b", "missing_keys"),
    (r"\bAnother place than\b", "Override ..."),
    (r"\bchildren of this process\b", "child processes"),
    (r"[Ss]tand-?outs?\b|stand_?outs?|\bst(?:an|oo)ds? out\b", "anomaly ranking, deviates"),
    (r"\b[Pp]lant(?:ed|s)?\b|_planted\b", "injected attacks; of mistakes: deliberate"),
    (r"(?<![Gg]round )(?<!ground_)\b[Tt]ruth\b", "ground truth"),
    (r"\baccount that lives in\b", "an in-process AWS emulator"),
    (r"\b[Ff]acets?\b|_facets?\b|_FACETS?\b", "peer dimensions"),
    (r"\b[Pp]arcels?\b|_parcels?\b", "messages"),
    (r"\bGate\b|\bFirstHost\b|\b[Ff]arewells?\b|\bGuests?\b", "Coordinator, CoordinatorClient, shutdown grace"),
    (r"\bclass Way\b|: Way\b|\bWay\(|\bCleared\b|\bleaving out\b", "strategy, capped"),
    (r"\bclass (?:Short|Held)\b|\b(?:Short|Held)\(", "InsufficientHistory, LeaseHeld"),
    (r"\bWhatToDo\b", "IsDryRun"),
    (r"\bLeftAsItIs\b", "Skip"),
    (r"\bIsItOver\b", "CheckStatus"),
    (r"\bInventoryFirst\b", "NeedsInventory"),
    (r"\bin nobody\b|\bnobody's\b", "the owner, named"),
    (r"(?<![Tt]here )\b(?:is|are) no (?!longer|more|reason)[A-Za-z]", "is not a ..."),
    (r"\bunder a host's feet\b", "recreated from an image"),
    (r"\bmust not hide what it says\b", "must not mask the original error"),
    (r"\bwhat runs is not known\b", "cannot list running executions"),
    (r"\bcan't be asked\b", "the status cannot be read"),
    (r"\bbrought by\b|\bbrought_by\b", "source batch"),
    (r"\b[Oo]ffices?\b|_office\b|\boffice_", "synthetic network; the project of a test: ndr-test"),
    (r"\b[Ww]ho(?:so)?ever\b", "a noun, as the holder"),
    (r"\bbetween two looks\b", "polling interval"),
    (r"\b[Ss]trays?\b|_strays?\b|\bStrays?[A-Z]", "out-of-batch rows"),
)
"""Pattern and better word."""
