"""template.yaml as Python values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]


class Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms: `!Ref X` as {"Ref": "X"}, every other one as {"Fn::Name": value}."""


def _short_form(loader: Loader, name: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    return {name if name == "Ref" else f"Fn::{name}": value}


Loader.add_multi_constructor("!", _short_form)
TEMPLATE = yaml.load((ROOT / "template.yaml").read_text(), Loader)
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]


def statements_of_roles() -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """Every statement of each role, in its own policies and those beside it, with its policy's condition or ""."""
    found: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for role, properties in of_type("AWS::IAM::Role").items():
        for policy in properties["Policies"]:
            condition, chosen, _ = policy.get("Fn::If", ("", policy, None))
            found.setdefault(role, []).extend((condition, each) for each in chosen["PolicyDocument"]["Statement"])
    for properties in of_type("AWS::IAM::Policy").values():
        for role in properties["Roles"]:
            found[role["Ref"]].extend(("", each) for each in properties["PolicyDocument"]["Statement"])
    return found


def of_type(type_: str) -> dict[str, Any]:
    """Properties of every resource of a type, by logical id."""
    return {name: item["Properties"] for name, item in RESOURCES.items() if item["Type"] == type_}
