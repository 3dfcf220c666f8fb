"""What a template says of encryption; MiniStack's CloudFormation creates these resources without it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import dynamodb, lambda_svc, s3, sns
from ministack.services.cloudformation import provisioners


def keep() -> None:
    """Let a template's buckets, tables, topics and functions have the encryption that it gives them."""
    for type_, keep_of in (
        ("AWS::S3::Bucket", _keep_of_bucket),
        ("AWS::DynamoDB::Table", _keep_of_table),
        ("AWS::SNS::Topic", _keep_of_topic),
        ("AWS::Lambda::Function", _keep_of_function),
    ):
        handlers = provisioners._RESOURCE_HANDLERS[type_]
        handlers["create"] = _then_keep(handlers["create"], keep_of, properties_at=1)
        handlers["update"] = _then_keep(handlers["update"], keep_of, properties_at=2)


def _then_keep(provision: Any, keep_of: Callable[[str, Mapping[str, Any]], None], properties_at: int) -> Any:
    @functools.wraps(provision)
    def provision_and_keep(*arguments: Any, **named: Any) -> Any:
        physical_id, attributes = provision(*arguments, **named)
        keep_of(physical_id, arguments[properties_at])
        return physical_id, attributes

    return provision_and_keep


def _keep_of_bucket(name: str, properties: Mapping[str, Any]) -> None:
    s3._bucket_encryption.pop(name, None)
    encryption = properties.get("BucketEncryption")
    if encryption:
        rules = "".join(map(_rule, encryption["ServerSideEncryptionConfiguration"]))
        s3._bucket_encryption[name] = f"<ServerSideEncryptionConfiguration>{rules}</ServerSideEncryptionConfiguration>"


def _rule(rule: Mapping[str, Any]) -> str:
    by_default = "".join(f"<{name}>{value}</{name}>" for name, value in rule["ServerSideEncryptionByDefault"].items())
    bucket_key = str(rule.get("BucketKeyEnabled", False)).lower()
    return (
        f"<Rule><ApplyServerSideEncryptionByDefault>{by_default}</ApplyServerSideEncryptionByDefault>"
        f"<BucketKeyEnabled>{bucket_key}</BucketKeyEnabled></Rule>"
    )


def _keep_of_table(name: str, properties: Mapping[str, Any]) -> None:
    specification = dict(properties.get("SSESpecification") or {})
    specification["Enabled"] = specification.pop("SSEEnabled", False)
    dynamodb._tables[name]["SSEDescription"] = dynamodb._sse_description_from_spec(specification)


def _keep_of_topic(arn: str, properties: Mapping[str, Any]) -> None:
    attributes = sns._topics[arn]["attributes"]
    attributes.pop("KmsMasterKeyId", None)
    if key := properties.get("KmsMasterKeyId"):
        attributes["KmsMasterKeyId"] = key


def _keep_of_function(name: str, properties: Mapping[str, Any]) -> None:
    lambda_svc._functions[name]["config"]["KMSKeyArn"] = properties.get("KmsKeyArn", "")
