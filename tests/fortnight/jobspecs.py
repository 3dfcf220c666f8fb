"""What the simulated projects' JobSpecs set otherwise than the demo's."""

from __future__ import annotations

from typing import Any, Final

CHANGES: Final[dict[str, dict[str, Any]]] = {
    "networks": {"internal": {"simulated": ("10.0.0.0/16", "2001:db8::/64")}},
    # So that a simulation of a few hours has baselines, too.
    "fg_b_builder": {"min_coverage": 0.01, "support_min": 5, "safety_gap": {"7d": 0, "30d": 0}},
    "non_persistent_prefixes": {"prefixes": ("VDI-",)},
}
"""By job, with the values that its spec takes."""
