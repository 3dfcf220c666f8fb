"""Image functions become zip functions; the rest of a template stays as it is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from ministack_sagemaker.errors import AccountError
from ministack_sagemaker.image_function import without_images

TEMPLATE = """
Resources:
  Zip:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: zip/, Handler: app.handler, Role: !GetAtt Role.Arn}
  Image:
    Type: AWS::Serverless::Function
    Metadata: {Dockerfile: fn/Dockerfile, DockerContext: .}
    Properties:
      PackageType: Image
      MemorySize: 2048
      Environment: {Variables: {NAME: !Sub "${Role}-x"}}
"""
DOCKERFILE = """
FROM public.ecr.aws/lambda/python:3.11
COPY fn/requirements.txt /tmp/requirements.txt
RUN pip install \\
    -r /tmp/requirements.txt
COPY one/ns/a ${LAMBDA_TASK_ROOT}/ns/a
COPY two/ns/b $LAMBDA_TASK_ROOT/ns/b
COPY fn/app.py fn/more.py ./
CMD ["app.handler"]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("fn/app.py", "fn/more.py", "fn/requirements.txt", "one/ns/a/m.py", "two/ns/b/deep/n.py"):
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "project/fn/Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "project/template.yaml").write_text(TEMPLATE)
    return tmp_path / "project"


def adapted(project: Path) -> yaml.MappingNode:
    return yaml.compose(without_images(project / "template.yaml", project.parent / "code"), Loader=yaml.SafeLoader)


def test_code_is_what_the_copy_lines_put_into_the_image(project: Path) -> None:
    adapted(project)
    code = project.parent / "code" / "Image"
    found = {path.relative_to(code).as_posix(): path.read_text() for path in code.rglob("*") if path.is_file()}
    assert found == {
        "app.py": "fn/app.py",
        "more.py": "fn/more.py",
        "ns/a/m.py": "one/ns/a/m.py",
        "ns/b/deep/n.py": "two/ns/b/deep/n.py",
    }


def test_only_the_packaging_changes(project: Path) -> None:
    before = yaml.serialize(yaml.compose(TEMPLATE, Loader=yaml.SafeLoader)).splitlines()
    after = yaml.serialize(adapted(project)).splitlines()
    assert [line.strip() for line in before if line not in after] == [
        "Metadata: {Dockerfile: fn/Dockerfile, DockerContext: .}",
        "PackageType: Image",
    ]
    assert [line.strip() for line in after if line not in before] == [
        f"CodeUri: {project.parent / 'code' / 'Image'}",
        "Handler: app.handler",
        f"Runtime: python3.{sys.version_info.minor}",
        "Metadata:",
        "SkipBuild: true",
    ]


@pytest.mark.parametrize(
    ("dockerfile", "message"),
    [
        ("COPY fn ./", "needs a CMD"),
        ('COPY absent ./\nCMD ["app.handler"]', "copies absent, which does not exist"),
        ('COPY --from=build /x ./\nCMD ["app.handler"]', "only Docker can do"),
    ],
)
def test_what_cannot_be_done_is_said(project: Path, dockerfile: str, message: str) -> None:
    (project / "fn/Dockerfile").write_text(dockerfile)
    with pytest.raises(AccountError, match=message):
        adapted(project)


def test_missing_dockerfile_is_named(project: Path) -> None:
    (project / "fn/Dockerfile").unlink()
    with pytest.raises(AccountError, match="Dockerfile does not exist"):
        adapted(project)


def test_a_file_without_resources_is_refused(project: Path) -> None:
    (project / "template.yaml").write_text("a: 1")
    with pytest.raises(AccountError, match="has no Resources"):
        adapted(project)
