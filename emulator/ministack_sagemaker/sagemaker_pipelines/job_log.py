"""The log of one instance of a job: lines go to a file at once, and to CloudWatch Logs in batches."""

from __future__ import annotations

import collections
import contextlib
import logging
import threading
import time
from pathlib import Path
from typing import IO, Any

from botocore.exceptions import BotoCoreError, ClientError

LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
_FLUSH_SECONDS = 1.0
_BATCH_EVENTS = 1_000
_LAST_LINES = 20

logger = logging.getLogger("ministack_sagemaker")


class JobLog:
    """Copies the output of an instance line by line.

    Parameters
    ----------
    logs
        A boto3 CloudWatch Logs client.
    stream
        Name of the log stream, `<job>/<instance>-<epoch>`.
    path
        The file.
    """

    def __init__(self, logs: Any, stream: str, path: Path) -> None:
        self._logs = logs
        self.stream = stream
        self._path = path
        self._batch: list[dict[str, Any]] = []
        self._tail: collections.deque[str] = collections.deque(maxlen=_LAST_LINES)
        self._created = False
        self._flushed = time.monotonic()

    def follow(self, output: IO[str]) -> threading.Thread:
        """Copy on a thread of its own until the output ends."""
        thread = threading.Thread(target=self._copy, args=(output,), name=f"log {self.stream}", daemon=True)
        thread.start()
        return thread

    def last_words(self) -> str:
        """The last lines printed."""
        return "\n".join(self._tail)

    def _copy(self, output: IO[str]) -> None:
        with self._path.open("a") as file:
            for line in output:
                file.write(line)
                file.flush()
                self._add(line.rstrip("\n"))
        self._flush()

    def _add(self, line: str) -> None:
        if not line.strip():
            return
        self._tail.append(line)
        self._batch.append({"timestamp": int(time.time() * 1000), "message": line})
        if len(self._batch) >= _BATCH_EVENTS or time.monotonic() - self._flushed > _FLUSH_SECONDS:
            self._flush()

    def _flush(self) -> None:
        self._flushed = time.monotonic()
        if not self._batch:
            return
        events, self._batch = self._batch, []
        try:
            if not self._created:
                self._create_stream()
            self._logs.put_log_events(logGroupName=LOG_GROUP, logStreamName=self.stream, logEvents=events)
        except (ClientError, BotoCoreError):
            # A job must not block on a full pipe if its log cannot be sent. The file has every line.
            logger.exception("%d log lines of %s did not reach CloudWatch Logs", len(events), self.stream)

    def _create_stream(self) -> None:
        with contextlib.suppress(self._logs.exceptions.ResourceAlreadyExistsException):  # by an earlier job
            self._logs.create_log_group(logGroupName=LOG_GROUP)
        self._logs.create_log_stream(logGroupName=LOG_GROUP, logStreamName=self.stream)
        self._created = True
