"""What a mini-batch lists and reads: the same, however long the history before the last thirty days is."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import boto3
import pytest
from tests.jobs.job_chain import Project, random_flows
from tests.jobs.production_layout import publish_history, upload
from tests.recorded_s3 import Requests, recorded

from ministack_sagemaker.lifecycle import Account
from ndr.contract.time import Interval, parse_instant
from ndr.store import storage

NOW: Final = Interval(parse_instant("2026-03-31T23:45:00Z"), parse_instant("2026-04-01"))
"""The last slice of a day, whose windows reach over the most slices."""
DAYS: Final = 30
DOC: Final = Path(__file__).parents[2] / "docs" / "scale.md"


@dataclass
class BucketProject(Project):
    """A project whose prefixes are in a bucket."""

    bucket: str = ""

    def uri(self, dataset: str) -> str:
        return f"s3://{self.bucket}/{dataset}/"


@pytest.fixture
def endpoint(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Requests]:
    with recorded(account.endpoint_url) as (url, requests):
        storage.forget_clients()
        for key, value in account.environment().items():
            monkeypatch.setenv(key, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it has the credentials of the test before
        yield requests
        storage.forget_clients()


def requests_of_jobs(account: Account, endpoint: Requests, root: Path, days: int) -> dict[str, Counter[str]]:
    bucket = f"mini-batch-{uuid.uuid4().hex[:12]}"
    publish_history(Project(root), NOW, days, f"s3://{bucket}")
    s3 = account.client("s3")
    s3.create_bucket(Bucket=bucket)
    upload(root, s3, bucket)
    project = BucketProject(root, bucket=bucket)
    project.deliver(NOW, random_flows(NOW, 20, seed=5))
    found = {}
    for name, job in (("deltas", project.deltas), ("fg_a", project.fg_a), ("pair_counts", project.pair_counts)):
        endpoint.seen.clear()
        published = job(NOW)
        assert [manifest.interval for manifest in published] == [NOW], "nothing but the slice itself is built"
        found[name] = endpoint.counts()
    return found


def table(requests: dict[str, Counter[str]]) -> str:
    """Return the table of docs/scale.md."""
    lines = ["| job | LIST | HEAD | GET | PUT |", "|---|---|---|---|---|"]
    lines += [
        f"| {job} | " + " | ".join(str(counts[kind]) for kind in ("LIST", "HEAD", "GET", "PUT")) + " |"
        for job, counts in requests.items()
    ]
    return "\n".join(lines)


def test_requests_do_not_grow_with_the_history(account: Account, endpoint: Requests, tmp_path: Path) -> None:
    of_a_month = requests_of_jobs(account, endpoint, tmp_path / "month", DAYS)
    of_two = requests_of_jobs(account, endpoint, tmp_path / "two", 2 * DAYS)
    assert of_two == of_a_month
    assert table(of_a_month) in DOC.read_text(), f"docs/scale.md has other figures; write\n{table(of_a_month)}"


def test_each_folder_by_time_is_listed_once(account: Account, endpoint: Requests, tmp_path: Path) -> None:
    bucket = f"mini-batch-{uuid.uuid4().hex[:12]}"
    account.client("s3").create_bucket(Bucket=bucket)
    inputs = {"integration": f"s3://{bucket}/logs/", "layout": "%Y/%m/%d/%H/"}
    project = BucketProject(tmp_path, {"delta_builder": {"inputs": inputs}}, bucket=bucket)
    for hour in ("2026/03/31/22/", "2026/03/31/23/"):
        lines = "".join(json.dumps(flow) + "\n" for flow in random_flows(NOW, 20, seed=5))
        storage.put_bytes(f"{inputs['integration']}{hour}part-0.json", lines.encode())
    endpoint.seen.clear()
    (manifest,) = project.deltas(NOW)
    assert manifest.rows is not None
    assert manifest.rows.rows_used == 20
    folders = [f"/{bucket}/logs/{hour}/" for hour in ("2026/03/31/23", "2026/04/01/00")]
    assert sorted(path for path in endpoint.paths("LIST") if "/logs" in path) == folders
    assert {path for path in endpoint.paths("HEAD") if "/logs" in path} <= {f"{folders[0]}part-0.json"}
