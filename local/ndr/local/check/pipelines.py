"""Whether the pipelines are registered as this release builds them, and their job code is in the bucket."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any, Final

from botocore.exceptions import ClientError

from ndr.contract.pipelines import STACK_TAG
from ndr.local.check.differences import differences
from ndr.local.check.finding import Finding, broken, guarded, ok, warning
from ndr.local.check.stack import Stack
from ndr.pipeline.bundle.digest import definition_digest

AREA: Final = "pipelines"
NAMED: Final = 4
_CODE: Final = re.compile(r"s3://([a-z0-9.-]+)/(code/[0-9a-f]{64}/)")
_DIGEST: Final = re.compile(r"Definition sha256:([0-9a-f]{64})$")


def check_pipelines(stack: Stack) -> Iterator[Finding]:
    """Compare each registered definition with the one of the installed sources, built as the stack's function does."""
    yield from guarded(AREA, lambda: _check_definitions(stack))
    yield from guarded(AREA, lambda: _check_code(stack))


def _check_definitions(stack: Stack) -> Iterator[Finding]:
    name = stack.resources["UpsertPipelinesFunction"]
    function = stack.client("lambda").get_function_configuration(FunctionName=name)
    settings = function["Environment"]["Variables"]
    built = built_definitions(tuple(sorted(settings.items())), stack.region)
    for pipeline, definition in built.items():
        yield from guarded(AREA, partial(_check_definition, stack, pipeline, definition))


@lru_cache(maxsize=4)
def built_definitions(settings: tuple[tuple[str, str], ...], region: str) -> dict[str, str]:
    """Return the definition of each pipeline by its name, built as the stack's function does.

    Parameters
    ----------
    settings : tuple of pairs of str
        The environment variables of the stack's function.
    region : str
        The stack's region.
    """
    from ndr.contract.fifteen_minutes import THREE_STEPS
    from ndr.pipeline.registry.registration import chosen_builders

    variables = dict(settings)
    builders = chosen_builders(variables.get("FIFTEEN_MINUTE_PIPELINE", THREE_STEPS))
    names = {f"{name}{variables.get('PIPELINE_NAME_SUFFIX', '')}": builder for name, builder in builders.items()}
    role, bucket = variables["PIPELINE_ROLE_ARN"], variables["CODE_BUCKET"]
    with _settings(variables):
        return {name: builder(role, region, bucket, name).definition() for name, builder in names.items()}


@contextmanager
def _settings(variables: Mapping[str, str]) -> Iterator[None]:
    """Give this process the settings of a function, from which definitions follow, but not its account and region."""
    given = {name: value for name, value in variables.items() if not name.startswith("AWS_")}
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("NDR_")]:
        del os.environ[name]
    os.environ.update(given)
    try:
        yield
    finally:
        for name in given:
            os.environ.pop(name, None)
        os.environ.update(before)


def _check_definition(stack: Stack, name: str, built: str) -> Iterator[Finding]:
    register = f"sam remote invoke UpsertPipelinesFunction --stack-name {stack.name} --event '{{}}'"
    registered = stack.pipelines.get(name)
    if registered is None:
        yield broken(AREA, f"{name} is not registered.", f"Register it: {register}")
    elif (owner := _owner(stack, registered["PipelineArn"])) not in (None, stack.name):
        yield broken(
            AREA,
            f"{name} is the stack {owner!r}'s, by its tag {STACK_TAG}.",
            "Deploy this stack with a PipelineNameSuffix of its own.",
        )
    elif registered["RoleArn"] != stack.outputs["PipelineRoleArn"]:
        yield broken(AREA, f"{name} has the role {registered['RoleArn']}, not the stack's.", f"Register it: {register}")
    elif definition_digest(registered["PipelineDefinition"]) == definition_digest(built):
        yield ok(AREA, f"{name} is registered as this release builds it.")
    else:
        yield _differing(name, registered, built, register)


def _owner(stack: Stack, arn: str) -> str | None:
    """Return the stack that a pipeline's tag names."""
    tags = stack.client("sagemaker").list_tags(ResourceArn=arn)["Tags"]
    return next((str(tag["Value"]) for tag in tags if tag["Key"] == STACK_TAG), None)


def _differing(name: str, registered: dict[str, Any], built: str, register: str) -> Finding:
    """Tell a definition of another release from one that was edited: its description has the digest of the first."""
    parts = _parts(registered["PipelineDefinition"], built)
    recorded = _DIGEST.search(registered.get("PipelineDescription", ""))
    if recorded and recorded[1] == definition_digest(registered["PipelineDefinition"]):
        return warning(
            AREA,
            f"{name} is registered as another release builds it: it differs in {parts}.",
            "Run the check from the release that is deployed, or deploy this one: sam build && sam deploy",
        )
    return broken(
        AREA, f"{name} was edited after it was registered: it differs in {parts}.", f"Register it again: {register}"
    )


def _parts(registered: str, built: str) -> str:
    paths = differences(json.loads(registered), json.loads(built))
    more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    return f"{', '.join(paths[:NAMED])}{more}"


def _check_code(stack: Stack) -> Iterator[Finding]:
    """Look for the marker that ends the upload of each registered definition's code."""
    s3 = stack.client("s3")
    places = {
        (found[1], found[2])
        for described in stack.pipelines.values()
        if described
        for found in _CODE.finditer(described["PipelineDefinition"])
    }
    for bucket, prefix in sorted(places):
        uri = f"s3://{bucket}/{prefix}"
        if _is_complete(s3, bucket, prefix):
            yield ok(AREA, f"The jobs' code is at {uri[:-49]}….")
        else:
            yield broken(
                AREA,
                f"The jobs' code is not complete at {uri}: no job can start.",
                f"Upload it: sam remote invoke UpsertPipelinesFunction --stack-name {stack.name} --event '{{}}'",
            )


def _is_complete(s3: Any, bucket: str, prefix: str) -> bool:
    from ndr.pipeline.bundle.code import COMPLETE_MARKER

    try:
        s3.head_object(Bucket=bucket, Key=f"{prefix}{COMPLETE_MARKER}")
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchBucket"):
            return False
        raise
    return True
