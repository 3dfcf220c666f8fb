"""A whole set of JobSpecs, as a team would write it."""

from __future__ import annotations

from typing import Any

from ministack_sagemaker.lifecycle import Account
from ndr.contract.jobspecs import parse_jobspec, put_jobspec


def documents(project: str, version: str = "v1", bucket: str = "ndr-data") -> list[dict[str, Any]]:
    """The JobSpec documents of a project."""
    delivered, base = f"s3://{bucket}/{project}", f"s3://{bucket}/{project}/{version}"
    specs: dict[str, Any] = {
        "delta_builder": {
            "inputs": {"integration": f"{delivered}/integration"},
            "outputs": {"deltas": f"{base}/deltas"},
        },
        "fg_a_builder": {
            "inputs": {"deltas": f"{base}/deltas", "fg_b": f"{base}/fg_b"},
            "outputs": {"fg_a": f"{base}/fg_a"},
        },
        "pair_counts_builder": {
            "inputs": {"deltas": f"{base}/deltas"},
            "outputs": {"pair_counts": f"{base}/pair_counts"},
        },
        "fg_b_builder": {
            "inputs": {name: f"{base}/{name}" for name in ("fg_a", "pair_counts", "machine_inventory")},
            "outputs": {"fg_b": f"{base}/fg_b"},
            "safety_gap": {"7d": 0, "30d": 0},
        },
        "machine_inventory_unload": {
            "redshift": {
                "workgroup_name": "ndr",
                "database": "ndr",
                "secret_arn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:ndr",
                "region": "us-east-1",
                "iam_role": "arn:aws:iam::123456789012:role/unload",
            },
            "query": {"schema": "public", "table": "m", "ip_column": "ip", "name_column": "name"},
            "output": {"s3_prefix": f"{base}/machine_inventory"},
        },
    }
    written = {"updated_at": "2026-01-01T00:00:00Z", "owner": "ndr"}
    return [
        {**written, "project_name": project, "feature_spec_version": version, "job_name": name, "spec": spec}
        for name, spec in specs.items()
    ]


def put_documents(account: Account, table_name: str, *projects: str, bucket: str = "ndr-data") -> None:
    """Put the JobSpecs of projects into a table of the account."""
    table = account.table(table_name)
    for project in projects:
        for document in documents(project, bucket=bucket):
            put_jobspec(table, parse_jobspec(document))
