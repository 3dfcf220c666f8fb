"""Encryption settings of buckets, tables, topics and functions in templates.

MiniStack lacks this: its CloudFormation creates the resources without these settings.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import dynamodb, lambda_svc, s3, sns
from ministack.services.cloudformation import provisioners


def apply_encryption_settings() -> None:
    """Give the resources of a template the encryption that the template states."""
    for type_, encrypt in (
        ("AWS::S3::Bucket", _encrypt_bucket),
        ("AWS::DynamoDB::Table", _encrypt_table),
        ("AWS::SNS::Topic", _encrypt_topic),
        ("AWS::Lambda::Function", _encrypt_function),
    ):
        handlers = provisioners._RESOURCE_HANDLERS[type_]
        handlers["create"] = _then_encrypt(handlers["create"], encrypt, properties_at=1)
        handlers["update"] = _then_encrypt(handlers["update"], encrypt, properties_at=2)


def _then_encrypt(provision: Any, encrypt: Callable[[str, Mapping[str, Any]], None], properties_at: int) -> Any:
    @functools.wraps(provision)
    def provision_and_encrypt(*arguments: Any, **named: Any) -> Any:
        physical_id, attributes = provision(*arguments, **named)
        encrypt(physical_id, arguments[properties_at])
        return physical_id, attributes

    return provision_and_encrypt


def _encrypt_bucket(name: str, properties: Mapping[str, Any]) -> None:
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


def _encrypt_table(name: str, properties: Mapping[str, Any]) -> None:
    specification = dict(properties.get("SSESpecification") or {})
    specification["Enabled"] = specification.pop("SSEEnabled", False)
    dynamodb._tables[name]["SSEDescription"] = dynamodb._sse_description_from_spec(specification)


def _encrypt_topic(arn: str, properties: Mapping[str, Any]) -> None:
    attributes = sns._topics[arn]["attributes"]
    attributes.pop("KmsMasterKeyId", None)
    if key := properties.get("KmsMasterKeyId"):
        attributes["KmsMasterKeyId"] = key


def _encrypt_function(name: str, properties: Mapping[str, Any]) -> None:
    lambda_svc._functions[name]["config"]["KMSKeyArn"] = properties.get("KmsKeyArn", "")
