"""JobSpec of the monthly machine inventory unload: Redshift in, one Parquet snapshot a month out."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from ndr.contract.jobspecs.model import SpecModel
from ndr.contract.jobspecs.uri import PrefixUri

Name = Annotated[str, Field(min_length=1, max_length=127)]
Filter = Annotated[str, Field(min_length=1, max_length=2000)]

DEFAULT_ROLE: Final = "default"
"""An `iam_role` that means the default role of the cluster or the workgroup's namespace."""


class Redshift(SpecModel):
    """The Data API connection: a cluster or a serverless workgroup, and the secret that opens it."""

    cluster_identifier: Name | None = None
    workgroup_name: Name | None = None
    database: Name
    secret_arn: Annotated[str, Field(pattern=r"^arn:[a-z-]+:secretsmanager:")]
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
    iam_role: Annotated[str, Field(pattern=rf"^(arn:[a-z-]+:iam::\d{{12}}:role/.+|{DEFAULT_ROLE})$")]

    @model_validator(mode="after")
    def _one_target(self) -> Redshift:
        if (self.cluster_identifier is None) == (self.workgroup_name is None):
            raise ValueError("name either cluster_identifier or workgroup_name, and only one of them")
        return self


class InventoryQuery(SpecModel):
    """Where machines are listed. Filters are single boolean conditions on the table's own columns.

    `database` names another database than the connection's, such as one created from a datashare.
    """

    database: Name | None = None
    schema_: Annotated[Name, Field(alias="schema")]
    table: Name
    ip_column: Name
    name_column: Name
    active_filter: Filter | None = None
    additional_filters: tuple[Filter, ...] = ()


class InventoryOutput(SpecModel):
    s3_prefix: PrefixUri
    output_format: Literal["PARQUET"] = "PARQUET"
    partitioning: tuple[Literal["snapshot_month"], ...] = ("snapshot_month",)
    ip_output_column: Name = "ip_address"
    name_output_column: Name = "machine_name"


class MachineInventoryUnloadSpec(SpecModel):
    """Spec of `machine_inventory_unload`."""

    redshift: Redshift
    query: InventoryQuery
    output: InventoryOutput
    processing_image_uri: Annotated[str, Field(min_length=1)] | None = None
