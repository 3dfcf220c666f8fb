"""The library's checksums are MiniStack's own, and those of the published check values."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ministack.services import s3

from ministack_sagemaker.patches import object_checksums

SLOW = {name: getattr(s3, name) for name in ("_crc64nvme", "_crc32c")}


@pytest.fixture(autouse=True, scope="module")
def fast() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, slow in SLOW.items():
            patch.setattr(s3, name, slow)  # so that the slow ones are back afterwards
        object_checksums.compute_fast()
        yield


@pytest.mark.parametrize(("name", "value"), [("_crc64nvme", 0xAE8B14860A799888), ("_crc32c", 0xE3069283)])
def test_the_published_check_value(name: str, value: int) -> None:
    assert getattr(s3, name)(b"123456789") == value


@given(st.binary(max_size=300))
def test_equal_to_the_slow_ones(body: bytes) -> None:
    for name, slow in SLOW.items():
        assert getattr(s3, name)(body) == slow(body)
