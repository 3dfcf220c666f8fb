"""`aws` commands of a page, made for real through boto3: options and their types are those of the service's model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import jmespath
from botocore import xform_name
from botocore.model import Shape, StructureShape

from ministack_sagemaker.lifecycle import Account

IN_BOTOCORE: Final = {"s3api": "s3"}
"""The name in botocore of a service that the command line names otherwise."""


def run(account: Account, words: Sequence[str]) -> Any:
    """Make the call of `aws <service> <operation> --option value ...`; return its answer, or what `--query` asks."""
    assert words[0] == "aws"
    client = account.client(IN_BOTOCORE.get(words[1], words[1]))
    operation = words[2].replace("-", "_")
    name = client.meta.method_to_api_mapping[operation]
    members = client.meta.service_model.operation_model(name).input_shape.members
    options = {xform_name(member, "-"): member for member in members}
    arguments: dict[str, Any] = {}
    query = None
    for option, value in zip(words[3::2], words[4::2], strict=True):
        if option == "--query":
            query = value
        if option in ("--query", "--output"):
            continue
        member = options[option.removeprefix("--")]
        arguments[member] = _typed(members[member], value)
    answer = getattr(client, operation)(**arguments)
    return jmespath.search(query, answer) if query else answer


def _typed(shape: Shape, value: str) -> Any:
    if shape.type_name == "list":
        return json.loads(value) if value.startswith("[") else [value]
    if isinstance(shape, StructureShape) and not value.startswith("{"):  # the shorthand name=value,name=value
        given = dict(part.split("=", 1) for part in value.split(","))
        return {name: _typed(shape.members[name], each) for name, each in given.items()}
    if shape.type_name in ("structure", "map"):
        return json.loads(value)
    if shape.type_name == "boolean":
        return {"true": True, "false": False}[value]
    return int(value) if shape.type_name in ("integer", "long") else value
