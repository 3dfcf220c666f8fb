"""What is published, read with nothing of the jobs' own code: manifests as JSON, the files they name, their values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

BROKEN = "broken: "


def versions(prefix: Path) -> dict[str, str]:
    """Return each published partition below a prefix with the digest of its values, or why it can't be read."""
    return {
        str(manifest.parent.relative_to(prefix)): _version(manifest.parent, json.loads(manifest.read_text()))
        for manifest in sorted(prefix.rglob("_manifest.json"))
    }


def _version(partition: Path, manifest: dict[str, Any]) -> str:
    digest = hashlib.sha256()
    for name, table in sorted(manifest["tables"].items()):
        rows: list[str] = []
        digest.update(name.encode())
        for file in table["files"]:
            try:
                values = pq.ParquetFile(partition / file["path"]).read(use_threads=False)
            except Exception as error:
                return f"{BROKEN}{file['path']}: {type(error).__name__}"
            if (partition / file["path"]).stat().st_size != file["bytes"]:
                return f"{BROKEN}{file['path']} is not of the size that the manifest says"
            rows += map(repr, values.to_pylist())
        if len(rows) != table["rows"]:
            return f"{BROKEN}{name} holds {len(rows)} rows, the manifest says {table['rows']}"
        digest.update("\n".join(sorted(rows)).encode())  # an unload has no order
    return digest.hexdigest()


@dataclass
class Verdict:
    """What the faults so far have done to published partitions and to executions; each entry says where."""

    lost: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)
    hanging: list[str] = field(default_factory=list)

    def after_fault(self, what: str, found: Mapping[str, str], old: Mapping[str, str], new: Mapping[str, str]) -> None:
        """Every partition is the old version or the new one, whole; none that was there is gone."""
        for partition, version in found.items():
            if version not in (old.get(partition), new.get(partition)):
                self.mixed.append(f"{what}: {partition} is neither the old version nor the new ({version[:80]})")
        self.lost += [f"{what}: {partition} is gone" for partition in old if partition not in found]

    def after_rerun(self, what: str, found: Mapping[str, str], new: Mapping[str, str]) -> None:
        """A run without faults, afterwards, publishes what it would have published had there been none."""
        for partition, version in new.items():
            if partition not in found:
                self.lost.append(f"{what}: {partition} is not published by a further run")
            elif found[partition] != version:
                self.mixed.append(f"{what}: {partition} differs after a further run ({found[partition][:80]})")
