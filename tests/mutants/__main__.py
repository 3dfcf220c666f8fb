"""`make mutants`: change each comparison and constant of a module and see that its tests fail.

Prints the mutants that survived and are not in `survivors.json`, and one line a module. The exit status is 1 when there
are such survivors, or when 5 % or more of all mutants survive.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.mutants.modules import MODULES
from tests.mutants.mutations import Mutant, mutants
from tests.mutants.trial import Mutated, prepare, source_of, survivors

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
    names = options.modules or list(MODULES)
    by_tests: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        by_tests.setdefault(MODULES[name], []).append(name)
    tried = [counts for tests, group in by_tests.items() for counts in _try_modules(group, tests, listed)]
    total, survived, new = (sum(numbers) for numbers in zip(*tried, strict=True))
    share = survived / max(1, total)
    print(f"{total} mutants, {survived} survive ({100 * share:.1f} %), {new} of them not listed")
    sys.exit(int(bool(new) or share >= GREATEST_SHARE))


Listed = dict[str, list[dict[str, object]]]


def _try_modules(names: Sequence[str], tests: Sequence[str], listed: Listed) -> list[tuple[int, int, int]]:
    """Try the mutants of modules that have the same tests.

    Returns how many they are, survive, and survive without being listed, for each module.
    """
    began, paths = time.monotonic(), {name: source_of(name) for name in names}
    found = [Mutated(name, path, mutant) for name, path in paths.items() for mutant in mutants(path.read_text())]
    survived = survivors(found, tests)
    if survived is None:
        sys.exit(f"{', '.join(names)}: the tests fail without a mutation; run them first: {' '.join(tests)}")
    print(f"{len(found)} mutants in {time.monotonic() - began:.0f} s")
    return [
        _report(
            name,
            sum(each.name == name for each in found),
            [each.mutant for each in survived if each.name == name],
            {(entry["line"], entry["change"], entry.get("number", 0)) for entry in listed.get(name, [])},
        )
        for name in names
    ]


def _report(name: str, total: int, survived: Sequence[Mutant], known: set[tuple[object, ...]]) -> tuple[int, int, int]:
    new = [mutant for mutant in survived if mutant.key not in known]
    for mutant in new:
        print(f"{name}: {mutant.change} survives in: {mutant.line}" + f" ({mutant.number})" * (mutant.number > 0))
    for line, change, _ in sorted(known - {mutant.key for mutant in survived}, key=str):
        print(f"{name}: {change} is listed as a survivor but does not survive (any more) in: {line}")
    print(f"{name}: {total} mutants, {len(survived)} survive", flush=True)
    return total, len(survived), len(new)


if __name__ == "__main__":
    main()
