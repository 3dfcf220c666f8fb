"""The SDK's configuration: ours is valid and is not validated again, any other still is."""

from __future__ import annotations

import boto3
import jsonschema
import pytest
from sagemaker.core.config.config_manager import SageMakerConfig
from sagemaker.core.config.config_schema import SAGEMAKER_PYTHON_SDK_CONFIG_SCHEMA

from ndr.pipeline.definitions.baselines import build_fg_b_baseline_pipeline
from ndr.pipeline.definitions.compaction import build_compaction_pipeline
from ndr.pipeline.sdk import SDK_CONFIGURATION, pipeline_session

ROLE = "arn:aws:iam::123456789012:role/jobs"


def test_our_configuration_fits_the_schema_of_the_sdk() -> None:
    jsonschema.validate(SDK_CONFIGURATION, SAGEMAKER_PYTHON_SDK_CONFIG_SCHEMA)


def test_another_configuration_is_still_validated() -> None:
    SageMakerConfig.validate_sagemaker_config({"SchemaVersion": "1.0"})
    with pytest.raises(jsonschema.ValidationError):
        SageMakerConfig.validate_sagemaker_config({"SchemaVersion": "none"})


def test_our_configuration_is_not_validated_again(monkeypatch: pytest.MonkeyPatch) -> None:
    validated = []
    validate = jsonschema.validate

    def counted(instance: object, schema: object) -> None:
        validated.append(instance)
        validate(instance, schema)

    monkeypatch.setattr(jsonschema, "validate", counted)
    pipeline_session.cache_clear()
    assert build_compaction_pipeline(ROLE, "us-east-1", "bucket").definition()
    assert SDK_CONFIGURATION not in validated


def test_definitions_of_a_bucket_share_their_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client takes a tenth of a second of a core: the first definition makes all but the SDK's own one of each."""
    first = build_compaction_pipeline(ROLE, "us-east-1", "bucket").definition()
    made = []
    monkeypatch.setattr(boto3.Session, "client", lambda session, service, **_: made.append(service))
    monkeypatch.setattr(boto3.Session, "resource", lambda session, service, **_: made.append(service))
    assert build_compaction_pipeline(ROLE, "us-east-1", "bucket").definition() == first
    assert build_fg_b_baseline_pipeline(ROLE, "us-east-1", "bucket").definition()
    assert made == ["scheduler", "scheduler"]
