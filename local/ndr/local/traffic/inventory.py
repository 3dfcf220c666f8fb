"""The machine inventory as a CSV file. The monthly unload reads it from its table."""

import csv
from datetime import timedelta
from pathlib import Path

from ndr.contract.time import DAY, day_text
from ndr.local.traffic.calendar import Calendar
from ndr.local.traffic.network import Machine

COLUMNS = ("ip_address", "machine_name", "is_active", "environment", "first_seen", "last_seen")
ACTIVE_FOR = timedelta(days=30)


def write_inventory(path: Path, machines: tuple[Machine, ...], calendar: Calendar) -> None:
    """Write one row an address, with the machine that has or last had it. Active means used in the last 30 days."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        for machine in machines:
            first, last = (calendar.interval.start + day * DAY for day in (machine.first_day, machine.last_day))
            active = "true" if last >= calendar.interval.end - ACTIVE_FOR else "false"
            dates = (day_text(first), day_text(last))
            rows.writerow([machine.address, machine.name, active, machine.environment, *dates])
