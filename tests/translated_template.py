"""template.yaml as CloudFormation gets it: SAM's resources translated, the machines' definitions inlined.

`python -m tests.translated_template build/translated.json`, where cfn-lint knows machines and functions.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from tests.template import ROOT, TEMPLATE


def translated(parameters: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The translated template, with code where `sam deploy` would have put it, for parameters unlike their defaults."""
    template = copy.deepcopy(TEMPLATE)
    for resource in template["Resources"].values():
        properties = resource["Properties"]
        if resource["Type"] == "AWS::Serverless::StateMachine":
            properties["Definition"] = json.loads((ROOT / properties.pop("DefinitionUri")).read_text())
        elif resource["Type"] == "AWS::Serverless::Function":
            image = properties.get("PackageType") == "Image"
            place = {"ImageUri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/upsert-pipelines:latest"}
            properties |= place if image else {"CodeUri": "s3://artifacts/code.zip"}
            resource.pop("Metadata", None)
    translator = Translator({}, Parser(), boto_session=boto3.session.Session(region_name="us-east-1"))
    return dict(translator.translate(template, dict(parameters or {})))


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(translated(), indent=1, default=str))
