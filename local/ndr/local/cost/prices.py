"""The table of prices, with the source of each price."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

_PROCESSING: Final = "processing_hour"
_ABOUT: Final = ("region", "currency", "as_of", "about")


@dataclass(frozen=True)
class Price:
    """A price, its source, and the date of the source. A price without a source is unverified."""

    amount: float
    source: str | None = None
    seen: str | None = None


@dataclass(frozen=True)
class Prices:
    """The table.

    Attributes
    ----------
    region, currency, as_of : str
        Region and currency of the prices, and the day on which they were looked up.
    units : mapping of str to Price
        Price of one unit of each billed quantity.
    processing_hours : mapping of str to Price
        Price of an hour, by instance type.
    """

    region: str
    currency: str
    as_of: str
    units: Mapping[str, Price]
    processing_hours: Mapping[str, Price]

    def __getitem__(self, unit: str) -> float:
        return self.units[unit].amount

    def unverified(self, instance_type: str) -> Iterator[str]:
        """Return the names of the prices without a source that an estimate with this instance type uses."""
        used = {**self.units, instance_type: self.processing_hours[instance_type]}
        return (name for name, price in used.items() if price.source is None)


def read_prices() -> Prices:
    """Return the table of prices."""
    table = json.loads((resources.files("ndr.local.cost") / "prices.json").read_text())
    units = {name: _price(entry) for name, entry in table.items() if name not in (*_ABOUT, _PROCESSING)}
    hours = {name: _price(entry) for name, entry in table[_PROCESSING].items()}
    return Prices(table["region"], table["currency"], table["as_of"], units, hours)


def _price(entry: Mapping[str, Any]) -> Price:
    return Price(entry["price"], entry["source"], entry["seen"])
