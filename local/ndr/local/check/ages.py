"""An age, for a sentence."""

from __future__ import annotations

from datetime import timedelta


def age_text(age: timedelta) -> str:
    """Return an age in its two largest units: `3 days 4 hours`, `2 hours 10 minutes`, `5 minutes`."""
    minutes = max(0, int(age.total_seconds() // 60))
    days, hours = minutes // 1440, minutes // 60 % 24
    parts = [(days, "day"), (hours, "hour")] if days else [(hours, "hour"), (minutes % 60, "minute")]
    shown = [f"{number} {unit}{'' if number == 1 else 's'}" for number, unit in parts if number]
    return " ".join(shown) or "less than a minute"
