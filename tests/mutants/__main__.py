"""`make mutants`: change each comparison and constant of a module and see that its tests fail.

`survivors.json` lists the mutants that may survive, with the reason and a kind. One of the kind `equivalent` changes
nothing that a caller can observe, such as a number of threads; it is reported apart and does not count. One of the kind
`untested` counts. The exit status is 1 when a mutant survives that is not listed, or when 5 % or more of the mutants
that count survive.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.mutants.modules import LEFT_OUT, MODULES
from tests.mutants.mutations import mutants
from tests.mutants.trial import Mutated, prepare, source_of, survivors
from tests.mutants.verdict import Listed, Verdict, fails, judge, read_survivors, summary

SURVIVORS = Path(__file__).with_name("survivors.json")


def main() -> None:
    """Try the mutants of the named modules, or of all."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("modules", nargs="*", help=f"modules, of {', '.join(MODULES)}; all by default")
    options = parser.parse_args()
    unknown = [name for name in options.modules if name not in MODULES]
    if unknown:
        parser.error(f"found {', '.join(unknown)}; allowed are {', '.join(MODULES)}")
    listed = read_survivors(json.loads(SURVIVORS.read_text()))
    prepare()
    names = options.modules or list(MODULES)
    by_tests: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        by_tests.setdefault(MODULES[name], []).append(name)
    verdicts = [each for tests, group in by_tests.items() for each in _try_modules(group, tests, listed)]
    for name, reason in LEFT_OUT.items():
        print(f"{name}: not tried, because it {reason}")
    print("\n".join(summary(verdicts)))
    sys.exit(int(fails(verdicts)))


def _try_modules(names: Sequence[str], tests: Sequence[str], listed: Listed) -> list[Verdict]:
    """Try the mutants of modules that have the same tests."""
    began, paths = time.monotonic(), {name: source_of(name) for name in names}
    found = [Mutated(name, path, mutant) for name, path in paths.items() for mutant in mutants(path.read_text())]
    survived = survivors(found, tests)
    if survived is None:
        sys.exit(f"{', '.join(names)}: the tests fail without a mutation; run them first: {' '.join(tests)}")
    print(f"{len(found)} mutants in {time.monotonic() - began:.0f} s")
    verdicts = [
        judge(
            name,
            sum(each.name == name for each in found),
            [each.mutant.key for each in survived if each.name == name],
            listed.get(name, {}),
        )
        for name in names
    ]
    for verdict in verdicts:
        print("\n".join(verdict.lines()), flush=True)
    return verdicts


if __name__ == "__main__":
    main()
