"""The code bundle: its files, its digest, its upload."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from ndr.pipeline.bundle.code import COMPLETE_MARKER, JOB_PACKAGES, CodeBundle, package_folder

BUCKET = "code-bucket"


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A source tree with one entry script, one data file, and files that the bundle excludes."""
    files = {
        "ndr/contract/__init__.py": "",
        "ndr/contract/words.py": "WORD = 'seven'\n",
        "ndr/jobs/__init__.py": "",
        "ndr/jobs/run_hello.py": "import ndr.jobs.greet\nprint(ndr.jobs.greet.greeting())\n",
        "ndr/jobs/greet.py": "from ndr.contract.words import WORD\ndef greeting():\n    return WORD + ' ' + __file__\n",
        "ndr/jobs/kernels/run_not_at_top.py": "",
        "ndr/jobs/kernels/query.sql": "select 1\n",
        "ndr/jobs/__pycache__/greet.cpython-311.pyc": "x",
        "ndr/jobs/stale.pyc": "x",
        "ndr/jobs/.DS_Store": "x",
        "ndr/jobs/tests/test_greet.py": "x",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def bundle_of(sources: Path) -> CodeBundle:
    return CodeBundle.of_folders({"ndr.contract": sources / "ndr/contract", "ndr.jobs": sources / "ndr/jobs"})


def test_holds_packages_and_entry_scripts_at_the_top_and_nothing_else(sources: Path) -> None:
    assert sorted(bundle_of(sources).files) == [
        "ndr/contract/__init__.py",
        "ndr/contract/words.py",
        "ndr/jobs/__init__.py",
        "ndr/jobs/greet.py",
        "ndr/jobs/kernels/query.sql",
        "ndr/jobs/kernels/run_not_at_top.py",
        "ndr/jobs/run_hello.py",
        "run_hello.py",
    ]


def test_an_entry_script_runs_from_the_unpacked_bundle_alone(
    sources: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    mounted = tmp_path_factory.mktemp("mounted")
    for path, content in bundle_of(sources).files.items():
        (mounted / path).parent.mkdir(parents=True, exist_ok=True)
        (mounted / path).write_bytes(content)

    # -S leaves out site-packages, and with it any installed ndr.
    ran = subprocess.run(
        [sys.executable, "-S", str(mounted / "run_hello.py")],
        capture_output=True, text=True, check=True, cwd="/", env={}, timeout=60,
    )  # fmt: skip

    assert ran.stdout == f"seven {mounted}/ndr/jobs/greet.py\n"


def test_digest_does_not_depend_on_the_path_of_the_sources(
    sources: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    copy = tmp_path_factory.mktemp("elsewhere") / "deeper"
    shutil.copytree(sources, copy)
    assert bundle_of(copy).digest == bundle_of(sources).digest


@given(
    files=st.dictionaries(st.text("abc/", min_size=1, max_size=8), st.binary(max_size=8), min_size=2, max_size=6),
    order=st.randoms(use_true_random=False),
)
def test_digest_does_not_depend_on_the_order_files_are_found_in(files: dict[str, bytes], order: Any) -> None:
    shuffled = list(files.items())
    order.shuffle(shuffled)
    assert CodeBundle(dict(shuffled)).digest == CodeBundle(files).digest


def test_digest_is_that_of_sha256sum_over_the_sorted_files() -> None:
    # printf 'a' | sha256sum -> ca97…; printf '<that>  x.py\n' | sha256sum -> the digest
    assert CodeBundle({"x.py": b"a"}).digest == "c35507438e0386c62f32157a1464516103637d0690bd6b7a511354897498340e"


def test_one_changed_byte_anywhere_changes_the_digest(sources: Path) -> None:
    before = bundle_of(sources).digest
    digests = {before}
    for path in ("ndr/contract/words.py", "ndr/jobs/kernels/query.sql", "ndr/jobs/run_hello.py"):
        original = (sources / path).read_bytes()
        (sources / path).write_bytes(original.replace(b"e", b"E", 1))
        digests.add(bundle_of(sources).digest)
        (sources / path).write_bytes(original)
    assert len(digests) == 4
    assert bundle_of(sources).digest == before


def test_a_renamed_file_changes_the_digest() -> None:
    assert CodeBundle({"a.py": b"1"}).digest != CodeBundle({"b.py": b"1"}).digest


def test_a_missing_entry_script_is_named_with_the_existing_ones(sources: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no entry script run_bye\.py.*Entry scripts found: run_hello\.py\."):
        bundle_of(sources).script_uri(BUCKET, "run_bye.py")


def test_a_missing_package_is_named() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"ndr\.nowhere is not on the import path.*pip install -e"):
        package_folder("ndr.nowhere")


def test_the_jobs_are_found_without_importing_them() -> None:
    code = (
        "import sys; from ndr.pipeline.bundle.code import CodeBundle; bundle = CodeBundle.of_installed_packages(); "
        "print('ndr/jobs/__init__.py' in bundle.files, 'ndr/contract/errors.py' in bundle.files, "
        "[name for name in sys.modules if name.startswith(('ndr.jobs', 'ndr.contract'))])"
    )
    path = ":".join(str(package_folder(f"ndr.{part}").parents[1]) for part in ("contract", "jobs", "pipeline"))
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": path}, timeout=60
    )
    assert ran.stdout == "True True []\n"


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client


def keys(s3: Any) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def test_upload_puts_every_file_and_the_marker(s3: Any, sources: Path) -> None:
    bundle = bundle_of(sources)

    assert bundle.upload(s3, BUCKET) is True

    assert keys(s3) == sorted(f"code/{bundle.digest}/{path}" for path in [*bundle.files, COMPLETE_MARKER])
    for path, content in bundle.files.items():
        stored = s3.get_object(Bucket=BUCKET, Key=f"code/{bundle.digest}/{path}")["Body"].read()
        assert stored == content
    assert bundle.prefix(BUCKET) == f"s3://{BUCKET}/code/{bundle.digest}/"


def test_a_complete_upload_is_not_repeated(s3: Any, sources: Path) -> None:
    bundle = bundle_of(sources)
    bundle.upload(s3, BUCKET)
    calls: list[str] = []
    s3.meta.events.register("before-call.s3", lambda model, **_: calls.append(model.name))

    assert bundle.upload(s3, BUCKET) is False
    assert calls == ["HeadObject"]


def test_an_incomplete_upload_is_repeated_and_the_marker_comes_last(s3: Any, sources: Path) -> None:
    bundle = bundle_of(sources)
    s3.put_object(Bucket=BUCKET, Key=f"code/{bundle.digest}/run_hello.py", Body=b"half")
    put: list[str] = []
    s3.meta.events.register("before-parameter-build.s3.PutObject", lambda params, **_: put.append(params["Key"]))

    assert bundle.upload(s3, BUCKET) is True

    assert put[-1] == f"code/{bundle.digest}/{COMPLETE_MARKER}"
    stored = s3.get_object(Bucket=BUCKET, Key=f"code/{bundle.digest}/run_hello.py")["Body"].read()
    assert stored == bundle.files["run_hello.py"]


def test_a_missing_bucket_is_an_error(s3: Any) -> None:
    with pytest.raises(s3.exceptions.ClientError) as raised:
        CodeBundle({"run_x.py": b""}).upload(s3, "no-such-bucket")
    assert raised.value.response["Error"]["Code"] == "NoSuchBucket"


def test_a_changed_sentence_of_the_planner_or_the_pipelines_leaves_the_digest(tmp_path: Path) -> None:
    """The code version of a job covers only what the job imports."""
    root = package_folder("ndr.contract").parents[2]
    portions = ("contract", "lambdas", "pipeline_defs", "spark_jobs", "local")
    for portion in portions:
        shutil.copytree(root / portion / "ndr", tmp_path / portion / "ndr")
    folders = {package: _copied(package_folder(package), root, tmp_path) for package in JOB_PACKAGES}
    before = CodeBundle.of_folders(folders).digest
    for changed in (
        *tmp_path.glob("lambdas/ndr/**/*.py"),
        *tmp_path.glob("pipeline_defs/ndr/**/*.py"),
        *tmp_path.glob("local/ndr/**/*.py"),
    ):
        changed.write_text(changed.read_text() + "\n# another sentence\n")
    assert CodeBundle.of_folders(folders).digest == before
    job = folders["ndr.jobs"] / "run.py"
    job.write_text(job.read_text() + "\n# another sentence\n")
    assert CodeBundle.of_folders(folders).digest != before


def _copied(folder: Path, root: Path, copy: Path) -> Path:
    return copy / folder.relative_to(root)
