"""docs/permissions.md, made from template.yaml: `python -m tests.iam.table` writes it anew."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from tests.template import ROOT, of_type, statements_of_roles

PAGE: Final = ROOT / "docs" / "permissions.md"
HEAD: Final = """# Permissions

What each role of `template.yaml` may do, made from it by `python -m tests.iam.table`; a test holds the two together.
Every account on this machine enforces them: `ndr up`, the demo and all tests run on these roles; a person's own calls
are the root user's. `make iam` takes each statement away, one at a time, and sees that something fails.

`{partition}`, `{region}`, `{account}` and `{url-suffix}` (`amazonaws.com` in most partitions) are those of the stack; a
name alone is the stack's own resource or a parameter. **never** marks what a statement denies, whatever else allows it.
"""


def page() -> str:
    """The page as the template has it."""
    comments = dict(re.findall(r"Sid: (\w+) # (.+)", (ROOT / "template.yaml").read_text()))
    parts, statements = [HEAD], statements_of_roles()
    for role, properties in of_type("AWS::IAM::Role").items():
        principals = properties["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"]
        parts.append(f"## {role}, taken by {principals}\n")
        parts.append(
            "| statement | may | on | if |\n|---|---|---|---|\n" + "\n".join(_rows(statements[role], comments)) + "\n"
        )
    return "\n".join(parts)


def _rows(statements: list[tuple[str, dict[str, Any]]], comments: dict[str, str]) -> Iterator[str]:
    for condition, statement in statements:
        terms = [f"the stack has it ({condition})"] if condition else []
        for operator, keys in statement.get("Condition", {}).items():
            terms += [f"{key} {operator} {_text(value)}" for key, value in keys.items()]
        comment = f": {comments[statement['Sid']]}" if statement["Sid"] in comments else ""
        refused = "**never**<br>" if statement["Effect"] == "Deny" else ""
        cells = [f"{statement['Sid']}{comment}", refused + _list(statement["Action"]), _list(statement["Resource"])]
        yield "| " + " | ".join([*cells, "; ".join(terms)]) + " |"


def _list(value: Any) -> str:
    if isinstance(value, dict) and "Fn::Split" in value:  # each ARN of a list parameter, with something appended
        form, names = value["Fn::Split"][1]["Fn::Sub"]
        ((name, joined),) = names.items()
        return f"`{form.replace(f'${{{name}}}', 'each of ' + joined['Fn::Join'][1]['Ref'])}`"
    return "<br>".join(f"`{_text(each)}`" for each in (value if isinstance(value, list) else [value]))


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " or ".join(_text(each) for each in value)
    if isinstance(value, dict):
        ((function, argument),) = value.items()
        if function == "Fn::If":
            return f"{_text(argument[1])} (if {argument[0]})"
        if function == "Fn::Sub" and isinstance(argument, list):
            return _text({"Fn::Sub": argument[0].replace("arn:${AWS::Partition}:s3:::${Bucket}", "DataBucket")})
        value = argument if isinstance(argument, str) else ".".join(argument)
        value = value.removesuffix(".Arn") if function in ("Fn::GetAtt", "Ref") else value
    plain = re.sub(r"\$\{(\w+)\.Arn\}", r"\1", str(value))
    plain = re.sub(
        r"\$\{AWS::(Partition|Region|AccountId|StackName|URLSuffix)\}", lambda found: _pseudo(found[1]), plain
    )
    return re.sub(r"\$\{(\w+(?:\.\w+)?)\}", r"\1", plain)


def _pseudo(name: str) -> str:
    return "{" + {"AccountId": "account", "StackName": "stack", "URLSuffix": "url-suffix"}.get(name, name.lower()) + "}"


if __name__ == "__main__":
    PAGE.write_text(page())
