"""Download the jars of a lock file into a folder; what is there with the right digest stays.

python fetch_jars.py jars.lock folder [repository]
"""

from __future__ import annotations

import hashlib
import sys
import urllib.request
from pathlib import Path

MAVEN_CENTRAL = "MAVEN_CENTRAL"


def fetch(lock: Path, folder: Path, repository: str = MAVEN_CENTRAL) -> list[Path]:
    """Return the paths of all jars, each of the locked content.

    Raises
    ------
    OSError
        The repository can't be reached or has no such file.
    ValueError
        What it has is not what was locked.
    """
    folder.mkdir(parents=True, exist_ok=True)
    jars = []
    for line in lock.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        digest, path = line.split()
        jar = folder / Path(path).name
        jars.append(jar)
        if jar.exists() and hashlib.sha256(jar.read_bytes()).hexdigest() == digest:
            continue
        with urllib.request.urlopen(f"{repository}/{path}", timeout=60) as response:  # noqa: S310  the caller's place
            content = response.read()
        found = hashlib.sha256(content).hexdigest()
        if found != digest:
            raise ValueError(f"{repository}/{path} has SHA-256 {found}, but {lock} says {digest}; nothing is kept.")
        jar.write_bytes(content)
    return jars


if __name__ == "__main__":
    lock, folder, *repository = sys.argv[1:]
    print(f"{len(fetch(Path(lock), Path(folder), *repository))} jars in {folder}")
