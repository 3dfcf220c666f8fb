"""Fetch the jars of a lock file into a folder with Maven; what is there with the right digest stays.

python fetch_jars.py jars.lock folder
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

# Each jar alone: the lock lists all that is needed, and what PySpark brings must not come twice.
_DEPENDENCY = """
    <dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>
      <exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions></dependency>"""
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
  <groupId>ndr</groupId><artifactId>jars</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>{dependencies}
  </dependencies></project>
"""


def fetch(lock: Path, folder: Path) -> list[Path]:
    """Return the paths of all jars, each of the locked content.

    Raises
    ------
    OSError
        There is no `mvn`, or it can't reach its repository or finds no such file there.
    ValueError
        What it fetched is not what was locked.
    """
    folder.mkdir(parents=True, exist_ok=True)
    locked = [line.split() for line in lock.read_text().splitlines() if line.strip() and not line.startswith("#")]
    missing = [path for digest, path in locked if _sha256(folder / Path(path).name) != digest]
    if missing:
        _copy(missing, folder)
    for digest, path in locked:
        found = _sha256(folder / Path(path).name)
        if found != digest:
            (folder / Path(path).name).unlink(missing_ok=True)
            raise ValueError(f"{path} has SHA-256 {found}, but {lock} says {digest}; it is not kept.")
    return [folder / Path(path).name for _, path in locked]


def _copy(paths: Iterable[str], folder: Path) -> None:
    dependencies = ""
    for path in paths:
        *group, artifact, version, _ = path.split("/")
        dependencies += _DEPENDENCY.format(group=".".join(group), artifact=artifact, version=version)
    with tempfile.TemporaryDirectory() as work:
        pom = Path(work) / "pom.xml"
        pom.write_text(_POM.format(dependencies=dependencies))
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={folder.resolve()}"]
        ran = subprocess.run(["mvn", "-q", "-B", "-f", str(pom), *goal], capture_output=True, text=True, check=False)
    if ran.returncode:
        raise OSError(f"Maven did not fetch the jars: {(ran.stdout + ran.stderr).strip()[:500]}")


def _sha256(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


if __name__ == "__main__":
    lock, folder = sys.argv[1:]
    print(f"{len(fetch(Path(lock), Path(folder)))} jars in {folder}")
