"""Adapt a template to a machine without Docker: image functions become zip functions.

A function with `PackageType: Image` becomes a zip function with the same name, settings and role. Its code is what the
Dockerfile's COPY lines put into the image, its handler the Dockerfile's CMD (or `ImageConfig.Command`). What the
Dockerfile installs with RUN is not built: the Python that runs this account has it installed already.
"""

from __future__ import annotations

import io
import json
import re
import shlex
import shutil
import sys
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from ministack_sagemaker.errors import AccountError

_TASK_ROOT = PurePosixPath("/var/task")
_IMAGE_PROPERTIES = ("PackageType", "ImageUri", "ImageConfig")


def without_images(template: Path, code_directory: Path) -> str:
    """Return the text of a template in which every image function is a zip function.

    Parameters
    ----------
    template
        A SAM template.
    code_directory
        Target of the code of each image function, in a folder with the logical id of the function.

    Raises
    ------
    AccountError
        The Dockerfile of an image function is missing or cannot be converted.
    """
    # The node tree, not the values, is edited: it keeps tags such as !Sub and !GetAtt.
    root = yaml.compose(template.read_text(), Loader=yaml.SafeLoader)
    resources = _child(root, "Resources") if isinstance(root, yaml.MappingNode) else None
    if not isinstance(resources, yaml.MappingNode):
        raise AccountError(f"{template} has no Resources, so it is not a template that can be deployed.")
    for name, resource in resources.value:
        properties = _child(resource, "Properties")
        if properties is not None and _plain(_child(properties, "PackageType")) == "Image":
            _become_zip(resource, properties, template, code_directory / name.value)
    return str(yaml.serialize(root))


def _become_zip(resource: Any, properties: Any, template: Path, code: Path) -> None:
    metadata = _plain(_child(resource, "Metadata")) or {}
    context = (template.parent / metadata.get("DockerContext", ".")).resolve()
    dockerfile = context / metadata.get("Dockerfile", "Dockerfile")
    if not dockerfile.is_file():
        raise AccountError(f"{dockerfile} does not exist; Metadata of an image function must lead to it.")
    instructions = _instructions(dockerfile.read_text())
    command = (_plain(_child(properties, "ImageConfig")) or {}).get("Command") or _command(instructions, dockerfile)
    shutil.rmtree(code, ignore_errors=True)
    code.mkdir(parents=True)
    for instruction, arguments in instructions:
        if instruction == "COPY":
            _copy(shlex.split(arguments), context, code, dockerfile)
    properties.value = [pair for pair in properties.value if pair[0].value not in _IMAGE_PROPERTIES]
    _set(properties, "CodeUri", str(code))
    _set(properties, "Handler", command[0])
    _set(properties, "Runtime", f"python{sys.version_info.major}.{sys.version_info.minor}")
    _set(resource, "Metadata", {"SkipBuild": True})


def _instructions(dockerfile: str) -> list[tuple[str, str]]:
    joined = re.sub(r"\\\s*\n", " ", dockerfile)
    lines = (line.strip() for line in joined.splitlines())
    parts = (line.partition(" ") for line in lines if line and not line.startswith("#"))
    return [(word.upper(), rest.strip()) for word, _, rest in parts]


def _command(instructions: list[tuple[str, str]], dockerfile: Path) -> list[str]:
    commands = [arguments for instruction, arguments in instructions if instruction == "CMD"]
    if not commands or not commands[-1].startswith("["):
        raise AccountError(f'{dockerfile} needs a CMD that names the handler, such as CMD ["app.handler"].')
    return list(json.loads(commands[-1]))


def _copy(arguments: list[str], context: Path, code: Path, dockerfile: Path) -> None:
    *sources, target = [argument for argument in arguments if not argument.startswith("--")]
    if any(argument.startswith("--from") for argument in arguments):
        raise AccountError(f"{dockerfile} copies from another stage, which only Docker can do.")
    placed = _TASK_ROOT / re.sub(r"\$\{?LAMBDA_TASK_ROOT\}?", str(_TASK_ROOT), target)
    if placed != _TASK_ROOT and _TASK_ROOT not in placed.parents:
        return  # not code: what is put elsewhere serves a RUN, such as the file that pip installs from
    destination = code / placed.relative_to(_TASK_ROOT)
    for pattern in sources:
        found = sorted(context.glob(pattern.removeprefix("./"))) if pattern not in (".", "./") else [context]
        if not found:
            raise AccountError(f"{dockerfile} copies {pattern}, which does not exist in {context}.")
        for source in found:
            _copy_one(source, destination, into=target.endswith(("/", ".")) or destination.is_dir())


def _copy_one(source: Path, destination: Path, into: bool) -> None:
    if source.is_dir():
        shutil.copytree(source, destination, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        return
    target = destination / source.name if into else destination
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def _child(node: yaml.Node | None, name: str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == name:
                return value
    return None


def _plain(node: yaml.Node | None) -> Any:
    return None if node is None else yaml.SafeLoader("").construct_document(node)


def _set(mapping: Any, name: str, value: object) -> None:
    mapping.value = [pair for pair in mapping.value if pair[0].value != name]
    represent = yaml.SafeDumper(io.StringIO()).represent_data
    mapping.value.append((represent(name), represent(value)))
