"""`make mutants`: change each comparison and constant of a module and see that its tests fail.

Prints the mutants that survived and are not in `survivors.json`, and one line a module. The exit status is 1 when there
are such survivors, or when 5 % or more of all mutants survive.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from tests.mutants.modules import MODULES
from tests.mutants.mutations import mutants
from tests.mutants.trial import prepare, source_of, survives

SURVIVORS = Path(__file__).with_name("survivors.json")
GREATEST_SHARE = 0.05


def main() -> None:
    """Try the mutants of the named modules, or of all."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("modules", nargs="*", help=f"modules, of {', '.join(MODULES)}; all by default")
    options = parser.parse_args()
    unknown = [name for name in options.modules if name not in MODULES]
    if unknown:
        parser.error(f"found {', '.join(unknown)}; allowed are {', '.join(MODULES)}")
    listed = json.loads(SURVIVORS.read_text())
    prepare()
    tried = [_try_module(name, listed.get(name, [])) for name in options.modules or MODULES]
    total, survived, new = (sum(numbers) for numbers in zip(*tried, strict=True))
    share = survived / max(1, total)
    print(f"{total} mutants, {survived} survive ({100 * share:.1f} %), {new} of them not listed")
    sys.exit(int(bool(new) or share >= GREATEST_SHARE))


def _try_module(name: str, listed: list[dict[str, object]]) -> tuple[int, int, int]:
    """Try the mutants of a module; returns how many they are, survive, and survive without being listed."""
    began, path = time.monotonic(), source_of(name)
    known = {(entry["line"], entry["change"], entry.get("number", 0)) for entry in listed}
    found = list(mutants(path.read_text()))
    if survives(name, path, None, MODULES[name]) is not True:
        sys.exit(f"{name}: its tests fail without a mutation; run them first: {' '.join(MODULES[name])}")
    survived = [mutant for mutant in found if survives(name, path, mutant.tree, MODULES[name])]
    new = [mutant for mutant in survived if mutant.key not in known]
    for mutant in new:
        print(f"{name}: {mutant.change} survives in: {mutant.line}" + f" ({mutant.number})" * (mutant.number > 0))
    gone = known - {mutant.key for mutant in survived}
    for line, change, _ in sorted(gone, key=str):
        print(f"{name}: {change} is listed as a survivor but does not survive (any more) in: {line}")
    seconds = time.monotonic() - began
    print(f"{name}: {len(found)} mutants, {len(survived)} survive, {seconds:.0f} s", flush=True)
    return len(found), len(survived), len(new)


if __name__ == "__main__":
    main()
