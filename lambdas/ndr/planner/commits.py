"""Whether the commit that an event was written for has happened."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from ndr.contract.events import EVENTS, Publication
from ndr.contract.ledger import is_execution, is_over
from ndr.contract.manifest import MANIFEST_NAME, Owner
from ndr.planner.keys import bucket_and_key
from ndr.planner.published import read_manifests

Commit = Literal["committed", "pending", "never"]

LONGEST: Final = timedelta(minutes=15)
"""The longest time from the writing of an event to the end of its commit. A run without a pipeline execution, of which
nobody can tell whether it has ended, is taken as ended after it."""


@dataclass(frozen=True)
class Commits:
    """Reads what became of commits.

    Parameters
    ----------
    s3, sagemaker : boto3 clients
    """

    s3: Any
    sagemaker: Any

    def of(self, item: Mapping[str, Any], now: datetime) -> Commit:
        """Tell what became of the commit of a waiting event.

        Without a publisher it has happened. One with a publisher that has ended happened if the manifest is that of
        the event. Otherwise it never will: if another version replaced this one, its run has taken the publisher away.
        """
        if "publisher" not in item:
            return "committed"
        detail = json.loads(item["detail"])
        event = EVENTS[detail["dataset"]].model_validate(detail)
        is_old, publisher = now - event.published_at > LONGEST, item["publisher"]
        if not (is_over(self.sagemaker, publisher) if is_execution(publisher) else is_old):
            return "pending"
        if self._is_published(event):
            return "committed"
        return "never" if is_old else "pending"

    def _is_published(self, event: Publication) -> bool:
        bucket, key = bucket_and_key(event.uri)
        owner = Owner(event.project_name, event.feature_spec_version)
        found = read_manifests(self.s3, bucket, [f"{key}{MANIFEST_NAME}"], event.dataset, owner)
        # A commit that is tried again gets a new time, and an event of its own.
        return any(
            (each.run_id, each.published_at) == (event.run_id, event.published_at) for _, each in found.manifests
        )
