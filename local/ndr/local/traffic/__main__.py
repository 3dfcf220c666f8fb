"""``python -m ndr.local.traffic --days 35 --out DIR --seed 7``."""

import argparse
import sys
from pathlib import Path

from ndr.contract.errors import NdrError
from ndr.contract.time import parse_instant
from ndr.contract.wording import counted
from ndr.local.traffic.generate import ATTACKS, DEFAULT_END, generate


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m ndr.local.traffic", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for logs, inventory.csv, ground_truth.json")
    parser.add_argument("--days", type=int, default=35, help="days of traffic up to --end (35)")
    parser.add_argument("--hosts", type=int, default=45, help="workstations; the other machines follow (45)")
    parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same bytes (7)")
    parser.add_argument("--end", default=DEFAULT_END, help=f"midnight UTC that ends the traffic ({DEFAULT_END})")
    parser.add_argument("--attacks", choices=list(ATTACKS), default="two", help="a beacon and an exfiltration (two)")
    options = parser.parse_args(arguments)
    try:
        end = parse_instant(options.end, "--end")
        traffic = generate(options.out, options.days, options.hosts, options.seed, end, options.attacks)
    except NdrError as error:
        print(error, file=sys.stderr)
        return 2
    found = f"{counted(traffic.connections, 'connection')} in {counted(len(traffic.logs), 'log')}"
    print(f"{found}, {traffic.interval}: {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
