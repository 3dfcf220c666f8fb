"""Reading and writing manifests."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from ndr.contract.errors import SchemaMismatchError
from ndr.contract.manifest import MANIFEST_NAME, SUCCESS_NAME, Manifest, parse_manifest
from ndr.store.storage import join, put_bytes, read_bytes, replace_bytes

_LOG = logging.getLogger(__name__)
READERS: Final = 32  # manifests are small and far away: many requests at once, little work each


def read_manifest(partition_uri: str, without_reads: bool = False) -> Manifest | None:
    """Return the manifest of a partition, or None where nothing is published.

    Parameters
    ----------
    without_reads : bool
        Whether what the partition was built from is left out.

    Raises
    ------
    SchemaMismatchError
        The file is not a manifest, or one of a newer release.
    """
    uri = join(partition_uri, MANIFEST_NAME)
    content = read_bytes(uri)
    return None if content is None else parse_manifest(uri, content, without_reads)


def readable_manifest(partition_uri: str) -> Manifest | None:
    """Return the manifest of a partition; None where there is none, or none that can be read, which the log says."""
    try:
        return read_manifest(partition_uri)
    except SchemaMismatchError as error:
        _LOG.warning("passed over: %s", error)
        return None


def readable_manifests(partition_uris: Sequence[str]) -> list[Manifest | None]:
    """Read many manifests at once, in the order given; None stands for what is not there or can't be read."""
    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(readable_manifest, partition_uris))


def put_manifest(partition_uri: str, manifest: Manifest) -> None:
    """Commit: the manifest last but one, `_SUCCESS` last."""
    put_bytes(join(partition_uri, MANIFEST_NAME), _text(manifest))
    put_bytes(join(partition_uri, SUCCESS_NAME), b"")


def complete_commit(partition_uri: str) -> None:
    """Put `_SUCCESS` where a run was cut off after the manifest."""
    if read_bytes(join(partition_uri, SUCCESS_NAME)) is None:
        put_bytes(join(partition_uri, SUCCESS_NAME), b"")


def replace_manifest(partition_uri: str, manifest: Manifest, version: str | None) -> bool:
    """Commit if the manifest that is there is still of `version`; tell whether it was."""
    if not replace_bytes(join(partition_uri, MANIFEST_NAME), _text(manifest), version):
        return False
    put_bytes(join(partition_uri, SUCCESS_NAME), b"")
    return True


def _text(manifest: Manifest) -> bytes:
    return manifest.model_dump_json(indent=1).encode()
