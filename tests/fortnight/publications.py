"""Every publication of a stack, from the versions of its manifests, beside the events that told of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from ndr.contract.events import EVENTS, publication_id
from ndr.contract.manifest import MANIFEST_NAME, Manifest, parse_manifest
from tests.fortnight.stack import Stack
from tests.published_events import check_event

NAMED: Final = 5


@dataclass(frozen=True)
class Told:
    """How the publications of a stack were told.

    Attributes
    ----------
    publications : int
    events : int
        Received.
    untold, repeated, unfounded : tuple of str
        Publications without an event, events received more than once, and events without a publication.
    """

    publications: int
    events: int
    untold: tuple[str, ...]
    repeated: tuple[str, ...]
    unfounded: tuple[str, ...]

    @property
    def is_right(self) -> bool:
        """Whether each publication was told once, and nothing else was."""
        return not (self.untold or self.repeated or self.unfounded)

    def __str__(self) -> str:
        wrong = {name: getattr(self, name) for name in ("untold", "repeated", "unfounded")}
        named = "; ".join(f"{len(ids)} {name}: {', '.join(ids[:NAMED])}" for name, ids in wrong.items() if ids)
        return f"{self.publications} publications, {self.events} events{'; ' + named if named else ', once each'}"


def told(stack: Stack, events: Iterable[dict[str, Any]]) -> Told:
    """Compare the publications of a stack with the events that a queue received, other stacks' included."""
    details = [event["detail"] for event in events if event["detail"]["project_name"] == stack.name and checked(event)]
    received = Counter(detail["id"] for detail in details)
    published = {
        publication_id(manifest.dataset, manifest.run_id): f"{manifest.dataset} {manifest.interval} {manifest.run_id}"
        for manifest in manifests(stack)
        if manifest.dataset in EVENTS and not manifest.compacted_from
    }
    return Told(
        publications=len(published),
        events=received.total(),
        untold=tuple(name for key, name in published.items() if key not in received),
        repeated=tuple(published.get(key, key) for key, times in received.items() if times > 1),
        unfounded=tuple(key for key in received if key not in published),
    )


def checked(event: dict[str, Any]) -> bool:
    """Check an event against its schema."""
    check_event(event)
    return True


def manifests(stack: Stack) -> Iterator[Manifest]:
    """Yield every version of every manifest, those that were replaced or deleted too: the bucket keeps them."""
    s3, bucket = stack.client("s3"), stack.deployment.data_bucket
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for version in page.get("Versions", []):
            if version["Key"].endswith(f"/{MANIFEST_NAME}"):
                found = s3.get_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
                yield parse_manifest(version["Key"], found["Body"].read())
