"""A cache of S3 inputs of jobs, by content."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ministack_sagemaker import directories
from ministack_sagemaker.sagemaker_pipelines.job_failure import JobFailedError, service_failure


def split_uri(uri: str) -> tuple[str, str]:
    """Return bucket and key of an `s3://` URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def fetch(s3: Any, uri: str) -> Path:
    """Return a local directory with the objects of an S3 prefix.

    The directory is named by the objects' names and ETags: the same content is the same path with the same file times
    in every job and from every bucket, so that what is compiled from a path and a time (numba, Python bytecode) is
    compiled once.

    Parameters
    ----------
    s3
        A boto3 S3 client.
    uri
        A prefix, taken as a folder, or the URI of a single object.

    Raises
    ------
    JobFailedError
        There is no object, or S3 refuses.
    """
    bucket, prefix = split_uri(uri)
    try:
        objects = _objects(s3, bucket, prefix)
        if not objects:
            raise JobFailedError(
                f"ClientError: Data download failed:No S3 objects found under S3 URL {uri!r}. "
                "Please ensure that the bucket exists, contains objects with the provided prefix, and is in the "
                "same region as the job."
            )
        identity = "".join(f"{name} {etag}\n" for name, (_, etag) in sorted(objects.items()))
        target = directories.cache("inputs") / hashlib.sha256(identity.encode()).hexdigest()[:20]
        if not target.exists():
            _download(s3, bucket, {name: key for name, (key, _) in objects.items()}, target)
        return target
    except (ClientError, BotoCoreError) as error:
        raise service_failure(f"Data download failed for {uri!r}", error) from error


def _objects(s3: Any, bucket: str, prefix: str) -> dict[str, tuple[str, str]]:
    """Return key and ETag by the file name below the local path of the input."""
    folder = prefix if prefix.endswith("/") or not prefix else prefix + "/"
    found: dict[str, tuple[str, str]] = {}
    for listing in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in listing.get("Contents", []):
            key = item["Key"]
            if key == prefix and not key.endswith("/"):
                return {key.rpartition("/")[2]: (key, item["ETag"])}
            if key.startswith(folder) and not key.endswith("/"):
                found[key[len(folder) :]] = (key, item["ETag"])
    return found


def _download(s3: Any, bucket: str, keys: dict[str, str], target: Path) -> None:
    staging = Path(tempfile.mkdtemp(dir=target.parent, prefix="download-"))
    for name, key in keys.items():
        path = staging / name
        path.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(bucket, key, str(path))
    try:
        staging.rename(target)
    except OSError:
        # Another job has downloaded the same content meanwhile.
        shutil.rmtree(staging)
