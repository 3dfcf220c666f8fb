from __future__ import annotations

import json
from pathlib import Path

import pytest

from ndr.contract.errors import InvalidRequestError
from ndr.spark.engine import chosen_engine
from ndr.spark.instances import Instances, read_instances
from ndr.spark.session import require_java

ONE = Instances(("algo-1",), "algo-1")
TWO = Instances(("algo-1", "algo-2"), "algo-2")


def _write(folder: Path, document: object) -> None:
    (folder / "config").mkdir()
    (folder / "config" / "resourceconfig.json").write_text(json.dumps(document))


def test_instances_are_read_as_sagemaker_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NDR_OPT_ML", str(tmp_path))
    _write(tmp_path, {"current_host": "algo-2", "hosts": ["algo-2", "algo-1"], "network_interface_name": "eth0"})
    instances = read_instances()
    assert instances == Instances(("algo-1", "algo-2"), "algo-2")
    assert instances.first == "algo-1"
    assert not instances.is_first


def test_without_a_resource_config_this_machine_is_the_only_instance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NDR_OPT_ML", str(tmp_path))
    assert read_instances() == Instances(("localhost",), "localhost")
    assert read_instances().is_first


@pytest.mark.parametrize("document", [[], {}, {"hosts": ["algo-1"]}, {"hosts": ["algo-1"], "current_host": "algo-3"}])
def test_a_resource_config_that_names_no_instances_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, document: object
) -> None:
    monkeypatch.setenv("NDR_OPT_ML", str(tmp_path))
    _write(tmp_path, document)
    with pytest.raises(InvalidRequestError, match="resourceconfig.json"):
        read_instances()


def test_auto_is_local_on_one_instance_and_spark_on_several() -> None:
    assert [chosen_engine("auto", instances) for instances in (ONE, TWO)] == ["local", "spark"]
    assert [chosen_engine("local", instances) for instances in (ONE, TWO)] == ["local", "local"]
    assert [chosen_engine("spark", instances) for instances in (ONE, TWO)] == ["spark", "spark"]


def test_without_java_the_person_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(InvalidRequestError, match="none was found on PATH.*openjdk-17-jre-headless.*engine: local"):
        require_java()
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    with pytest.raises(InvalidRequestError, match="none was found below JAVA_HOME \\(/nowhere\\)"):
        require_java()


def test_in_an_image_without_spark_the_person_is_told_which_image_to_use(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("NDR_SPARK_PROCESSING_IMAGE_URI", "registry.example/ndr:spark")
    with pytest.raises(InvalidRequestError, match=r"ProcessingImageUri=registry\.example/ndr:spark .* engine: local"):
        require_java()
