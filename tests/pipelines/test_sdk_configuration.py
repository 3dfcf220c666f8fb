"""The SDK's configuration: ours is valid and is not validated again, any other still is."""

from __future__ import annotations

import jsonschema
import pytest
from sagemaker.core.config.config_manager import SageMakerConfig
from sagemaker.core.config.config_schema import SAGEMAKER_PYTHON_SDK_CONFIG_SCHEMA

from ndr.pipeline.definitions.compaction import build_compaction_pipeline
from ndr.pipeline.sdk import SDK_CONFIGURATION

ROLE = "arn:aws:iam::123456789012:role/jobs"


def test_our_configuration_fits_the_schema_of_the_sdk() -> None:
    jsonschema.validate(SDK_CONFIGURATION, SAGEMAKER_PYTHON_SDK_CONFIG_SCHEMA)


def test_another_configuration_is_still_validated() -> None:
    SageMakerConfig.validate_sagemaker_config({"SchemaVersion": "1.0"})
    with pytest.raises(jsonschema.ValidationError):
        SageMakerConfig.validate_sagemaker_config({"SchemaVersion": "none"})


def test_a_definition_is_built_without_validating_schemas(monkeypatch: pytest.MonkeyPatch) -> None:
    """The session validates its configuration once; the look-ups of its steps do not."""
    validated = []
    validate = jsonschema.validate

    def counted(instance: object, schema: object) -> None:
        validated.append(instance)
        validate(instance, schema)

    monkeypatch.setattr(jsonschema, "validate", counted)
    assert build_compaction_pipeline(ROLE, "us-east-1", "bucket").definition()
    assert len(validated) <= 2
