"""Events: what EventBridge is told of each publication, and the ledger's items in which they wait to be sent.

A job writes the event of a publication to the ledger before it commits the publication, with itself as `publisher`, and
takes that attribute away after the commit. A machine sends the events without a publisher and then deletes them. A job
may die between commit and that: the event of a publisher that has ended is sent if the manifest names its run.

EventBridge may deliver an event more than once, and a machine that ends between sending and deleting sends it again:
the `id` is the same each time, so that a consumer can drop repetitions.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ndr.contract.datasets import DELTAS, FG_A, FG_B, FG_C, PAIR_COUNTS
from ndr.contract.horizons import HORIZONS
from ndr.contract.ledger import EXPIRES_AT, expiry
from ndr.contract.manifest import Manifest

SOURCE: Final = "ndr.pipelines"
"""The `source` of every event."""
HORIZON_LABELS: Final = tuple(HORIZONS)

Count = Annotated[int, Field(ge=0)]


class Publication(BaseModel):
    """The detail of an event: one version of one partition. A later `schema_version` only adds fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(
        pattern="^[0-9a-f]{64}$",
        description="SHA-256 of `dataset#run_id` in hexadecimal: the same whenever this publication is told of",
    )
    schema_version: Literal["1"] = Field(default="1", description="Version of this schema")
    project_name: str = Field(description="Project of the JobSpecs")
    feature_spec_version: str = Field(description="Feature spec version of the JobSpecs")
    dataset: str = Field(description="Dataset that the partition belongs to")
    run_id: str = Field(description="Version of the partition, as its manifest names it")
    uri: str = Field(description="Partition; its `_manifest.json` names the files")
    start: AwareDatetime = Field(description="Start of the time that the partition answers for")
    end: AwareDatetime = Field(description="End of that time; of a baseline, the midnight that names it")
    published_at: AwareDatetime = Field(description="When it was published")
    rows: dict[str, Count] = Field(description="Rows by table of the partition")
    coverage: float = Field(
        ge=0, le=1, allow_inf_nan=False, description="Share, in [0, 1], of the time that the inputs covered"
    )


class FeaturesPublished(Publication):
    """A batch, or a repaired part of one, of deltas, FG-A or pair counts was published."""

    dataset: Literal["deltas", "fg_a", "pair_counts"] = Field(description="Dataset that the partition belongs to")


class BaselinesPublished(Publication):
    """A baseline of FG-B was published."""

    dataset: Literal["fg_b"] = Field(description="Dataset that the partition belongs to")
    horizon: Literal[HORIZON_LABELS] = Field(description="How far the baseline looks back")  # type: ignore[valid-type]


class FindingsPublished(Publication):
    """The scores of a batch, or of a repaired part of one, were published, and the findings that follow from them."""

    dataset: Literal["fg_c"] = Field(description="Dataset that the partition belongs to")
    findings: Count | None = Field(
        default=None, description="New and updated findings in the files of this partition; null where none are written"
    )
    closed: Count | None = Field(default=None, description="Findings that these files close")


EVENTS: Final[dict[str, type[Publication]]] = {
    DELTAS.name: FeaturesPublished,
    FG_A.name: FeaturesPublished,
    PAIR_COUNTS.name: FeaturesPublished,
    FG_B: BaselinesPublished,
    FG_C: FindingsPublished,
}
"""The event of each dataset; others have none. The class's name is the event's `detail-type`."""


def publication_id(dataset: str, run_id: str) -> str:
    """Return the id of a publication: the SHA-256 of `dataset#run_id` in hexadecimal."""
    return hashlib.sha256(f"{dataset}#{run_id}".encode()).hexdigest()


def event_of(manifest: Manifest, uri: str, **facts: Any) -> Publication | None:
    """Return the event of a published partition; None for a dataset that has none, and for a compacted day.

    Parameters
    ----------
    uri : str
        The partition.
    facts
        The fields that only this kind of event has.
    """
    model = EVENTS.get(manifest.dataset)
    if model is None or manifest.compacted_from:
        return None
    return model(
        id=publication_id(manifest.dataset, manifest.run_id),
        project_name=manifest.project_name,
        feature_spec_version=manifest.feature_spec_version,
        dataset=manifest.dataset,
        run_id=manifest.run_id,
        uri=uri,
        start=manifest.start,
        end=manifest.end,
        published_at=manifest.published_at,
        rows={name: table.rows for name, table in manifest.tables.items()},
        coverage=manifest.coverage,
        **facts,
    )


def events_series(project_name: str, feature_spec_version: str) -> str:
    """Return the ledger's partition key of the events that wait to be sent."""
    return f"{project_name}#{feature_spec_version}#events"


def event_key(event: Publication) -> dict[str, str]:
    """Return the key of the ledger item in which an event waits. Keys sort by publication time."""
    return {
        "series": events_series(event.project_name, event.feature_spec_version),
        "as_of": f"{event.published_at:%Y-%m-%dT%H:%M:%S.%fZ}#{event.id}",
    }


def event_attributes(event: Publication) -> dict[str, Any]:
    """Return what the ledger item of a waiting event holds beside its key and its publisher."""
    detail = event.model_dump_json()
    return {"detail_type": type(event).__name__, "detail": detail, EXPIRES_AT: expiry(event.published_at)}
