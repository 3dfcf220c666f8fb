"""A commit on the condition that nobody else committed since: on a disk and in the account's S3."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest

from ministack_sagemaker.faults import inject
from ministack_sagemaker.lifecycle import Account
from ndr.contract.datasets import PAIR_COUNTS
from ndr.contract.errors import PublishConflictError
from ndr.contract.manifest import Manifest
from ndr.contract.time import parse_instant
from ndr.store import storage
from ndr.store.manifest import read_manifest
from ndr.store.pending_commit import Fence, PendingCommit
from ndr.store.publish import PartitionWriter
from ndr.store.schema import arrow_schema
from ndr.store.storage import delete_version, list_files, list_folders, put_bytes, read_version, replace_bytes

FACTS = {
    "dataset": "pair_counts",
    "project_name": "ndr-test",
    "feature_spec_version": "v1",
    "code_version": "tests",
    "start": parse_instant("2026-01-05"),
    "end": parse_instant("2026-01-06"),
}


@pytest.fixture
def bucket(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    storage.forget_clients()  # a process keeps its clients, which may be of an account that another test stopped
    for name, value in account.environment().items():
        monkeypatch.setenv(name, value)
    name = f"commits-{uuid.uuid4().hex[:12]}"
    account.client("s3").create_bucket(Bucket=name)
    yield f"s3://{name}"
    storage.forget_clients()


@pytest.fixture(params=["disk", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return tmp_path.as_uri() if request.param == "disk" else str(request.getfixturevalue("bucket"))


def written(partition: str) -> PartitionWriter:
    writer = PartitionWriter(partition)
    writer.write(pa.Table.from_pylist([], arrow_schema(PAIR_COUNTS)), PAIR_COUNTS)
    return writer


def commit(partition: str, fence: Fence | None = None) -> Manifest:
    return written(partition).commit(fence, **FACTS)


def test_bytes_are_replaced_only_over_the_version_that_was_read(root: str) -> None:
    uri = f"{root}/p/_manifest.json"
    assert read_version(uri) == (None, None)
    assert not replace_bytes(uri, b"late", '"0123"')
    assert replace_bytes(uri, b"one", None)
    assert not replace_bytes(uri, b"another first", None)
    content, version = read_version(uri)
    assert content == b"one"
    put_bytes(uri, b"two")
    assert not replace_bytes(uri, b"late", version)
    assert replace_bytes(uri, b"three", read_version(uri)[1])
    assert read_version(uri)[0] == b"three"


def test_a_file_is_deleted_only_of_the_version_that_was_read(root: str) -> None:
    uri = f"{root}/p/_manifest.json"
    put_bytes(uri, b"one")
    _, version = read_version(uri)
    put_bytes(uri, b"two")
    assert not delete_version(uri, version)
    assert read_version(uri)[0] == b"two"
    _, version = read_version(uri)
    assert delete_version(uri, version)
    assert read_version(uri) == (None, None)
    assert not delete_version(uri, version)


def test_of_many_at_once_one_replaces_a_version(root: str) -> None:
    uri = f"{root}/p/_manifest.json"
    put_bytes(uri, b"before")
    _, version = read_version(uri)
    together = threading.Barrier(8)

    def replace(number: int) -> bool:
        together.wait()
        return replace_bytes(uri, str(number).encode(), version)

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(replace, range(8)))
    assert outcomes.count(True) == 1
    assert read_version(uri)[0] == str(outcomes.index(True)).encode()


def test_who_was_replaced_after_its_fence_publishes_nothing(root: str) -> None:
    partition, asked = f"{root}/p", []

    def replaced_once(_: PendingCommit) -> None:
        asked.append(True)
        if len(asked) == 1:
            commit(partition)  # another takes over, and publishes, after the fence was asked
        else:
            raise PublishConflictError("taken over")

    before = commit(partition)
    with pytest.raises(PublishConflictError, match="taken over"):
        commit(partition, replaced_once)
    found = read_manifest(partition)
    assert found is not None
    assert found.run_id != before.run_id
    assert len(asked) == 2


def test_who_still_may_publish_does_so_over_what_came_in_between(root: str) -> None:
    partition, asked = f"{root}/p", []

    def late_one_comes_first(_: PendingCommit) -> None:
        asked.append(True)
        if len(asked) == 1:
            commit(partition)

    published = commit(partition, late_one_comes_first)
    assert read_manifest(partition) == published
    assert len(asked) == 2
    others: list[Manifest] = []
    with pytest.raises(PublishConflictError, match="was published by others 5 times"):
        commit(partition, lambda _: others.append(commit(partition)))
    assert len(others) == 5


def test_a_put_whose_answer_is_lost_has_been_carried_out(account: Account, bucket: str) -> None:
    uri = f"{bucket}/p/_manifest.json"
    commit(f"{bucket}/p")
    inject(account.directory, "s3", "PutObject", "InternalError", carried_out=True)
    assert replace_bytes(uri, b"carried out", read_version(uri)[1])
    assert read_version(uri)[0] == b"carried out"


def test_folders_are_listed_from_a_name_to_before_another(root: str) -> None:
    for name in ("20260104T000000Z-PT15M", "20260105T000000Z-PT15M", "20260105T001500Z-PT15M", "by-hand"):
        put_bytes(f"{root}/integration/{name}/deep/er/part.json", b"{}")
    put_bytes(f"{root}/integration/20260105T000000Z-file", b"")
    assert list_folders(f"{root}/integration/", "20260105T000000Z", "20260106T000000Z") == [
        "20260105T000000Z-PT15M",
        "20260105T001500Z-PT15M",
    ]
    assert list_folders(f"{root}/nothing", "2", "3") == []
    (file,) = list_files(f"{root}/integration/by-hand", recursive=True)
    assert str(file.path).endswith("/integration/by-hand/deep/er/part.json")
