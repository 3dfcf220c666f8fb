"""A job reads AWS's service models from disk once: in a mini-batch they take longer than its rows."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from tests.jobs.test_logs_in_s3 import bucket as bucket

from ndr.store import aws, storage

MODELS = ("service-2.json", "endpoints.json", "endpoint-rule-set-1.json")
_opened: list[Path] = []
_is_recorded = [False]


def _record(event: str, arguments: tuple[object, ...]) -> None:
    if _is_recorded[0] and event == "open" and isinstance(arguments[0], str) and "botocore" in arguments[0]:
        _opened.append(Path(arguments[0].removesuffix(".gz")))


sys.addaudithook(_record)  # there is no way to take it off again


@pytest.fixture
def opened() -> Iterator[list[Path]]:
    _opened.clear()
    _is_recorded[0] = True
    yield _opened
    _is_recorded[0] = False


def test_models_are_read_once_when_threads_ask_together(bucket: str, opened: list[Path]) -> None:
    storage.put_bytes(f"{bucket}/a", b"content")
    storage.forget_clients()
    opened.clear()
    threads = 16
    together = Barrier(threads)

    def read(_: int) -> bytes:
        together.wait()
        return storage.read_bytes(f"{bucket}/a")

    with ThreadPoolExecutor(threads) as pool:
        assert set(pool.map(read, range(threads))) == {b"content"}
    assert storage.replace_bytes(f"{bucket}/b", b"conditional", None)
    aws.client("s3")
    read_models = Counter(path for path in opened if path.name in MODELS)
    assert {path.parent.parent.name for path in read_models} >= {"s3"}
    assert set(read_models.values()) == {1}
