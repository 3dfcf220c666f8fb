"""Paths under /opt/ml, rewritten to where they are on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from ministack_sagemaker.sagemaker_pipelines.job_failure import JobFailedError
from ministack_sagemaker.sagemaker_pipelines.opt_ml import OptMl


@pytest.fixture
def opt_ml(tmp_path: Path) -> OptMl:
    made = OptMl(tmp_path / "root")
    (tmp_path / "code").mkdir()
    made.add_input("/opt/ml/processing/input/code", tmp_path / "code")
    return made


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/opt/ml", "{root}"),
        ("/opt/ml/config/resourceconfig.json", "{root}/config/resourceconfig.json"),
        ("--out=/opt/ml/processing/output", "--out={root}/processing/output"),
        ("file:///opt/ml/processing/output", "file://{root}/processing/output"),
        ("/opt/ml/a:/opt/ml/b", "{root}/a:{root}/b"),
        ("/opt/ml/processing/input/code/run.py", "{code}/run.py"),
        ("/opt/ml/processing/input/code", "{code}"),
        ("/opt/ml/processing/input/codes", "{root}/processing/input/codes"),
        ("s3://bucket/opt/ml/x", "s3://bucket/opt/ml/x"),
        ("/opt/mlflow", "/opt/mlflow"),
        ("/data/opt/ml", "/data/opt/ml"),
        ("2025-01-01T00:00:00Z", "2025-01-01T00:00:00Z"),
    ],
)
def test_translate(opt_ml: OptMl, tmp_path: Path, text: str, expected: str) -> None:
    assert opt_ml.translate(text) == expected.format(root=opt_ml.root, code=tmp_path / "code")


def test_input_is_also_below_the_root(opt_ml: OptMl, tmp_path: Path) -> None:
    (tmp_path / "code" / "run.py").write_text("1")
    assert (opt_ml.root / "processing/input/code/run.py").read_text() == "1"


@pytest.mark.parametrize(
    "path", ["/opt/ml/processing/input", "/opt/ml/processing/input/code/lib", "/opt/ml/processing/input/code"]
)
def test_overlapping_inputs_are_refused(opt_ml: OptMl, tmp_path: Path, path: str) -> None:
    with pytest.raises(JobFailedError, match="overlap"):
        opt_ml.add_input(path, tmp_path)


def test_inputs_outside_are_refused(opt_ml: OptMl, tmp_path: Path) -> None:
    with pytest.raises(JobFailedError, match="not below /opt/ml"):
        opt_ml.add_input("/etc", tmp_path)
