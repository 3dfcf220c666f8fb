"""Registration of pipelines by the registry, by the Lambda, and by a user's own code."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import moto.sagemaker.models
import moto.sagemaker.utils
import pytest
from moto import mock_aws
from moto.core.exceptions import JsonRESTError
from sagemaker.core.config.config_manager import SageMakerConfig

from ndr.contract.errors import InvalidRequestError
from ndr.contract.fifteen_minutes import FIFTEEN_MINUTE_PIPELINES
from ndr.pipeline.bundle import code as code_bundle
from ndr.pipeline.bundle.pipeline import PIPELINE_TAGS
from ndr.pipeline.definitions.fifteen_minutes import FIFTEEN_MINUTE_BUILDERS
from ndr.pipeline.registry.registration import PIPELINES, chosen_names, register_pipelines
from ndr.pipeline.registry.removal import remove_pipelines
from ndr.pipeline.sagemaker_pipeline_definitions_fg_b import build_fg_b_baseline_pipeline

REGION = "us-east-1"
BUCKET = "ndr-code"
FG_B = "ndr-fg-b-baseline-pipeline"
UNLOAD = "ndr-machine-inventory-unload"
COMPACTION = "ndr-compaction"
SCRIPTS = (
    "delta_builder",
    "fg_a_builder",
    "pair_counts_builder",
    "fg_c_builder",
    "fifteen_minute_batch",
    "fg_b_builder",
    "machine_inventory_unload",
    "compaction",
    "report",
)
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}


@dataclass(frozen=True)
class Account:
    """A moto account with the bucket and the role for registration."""

    sagemaker: Any
    s3: Any
    role_arn: str

    def register(self, *names: str, role_arn: str | None = None, dry_run: bool = False) -> list[Any]:
        return register_pipelines(role_arn or self.role_arn, REGION, BUCKET, names=names or None, dry_run=dry_run)

    def describe(self, name: str) -> dict[str, Any]:
        described: dict[str, Any] = self.sagemaker.describe_pipeline(PipelineName=name)
        del described["ResponseMetadata"]
        return described

    def role(self, name: str) -> str:
        iam = boto3.client("iam", region_name=REGION)
        return str(iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"])

    def names(self) -> set[str]:
        return {item["PipelineName"] for item in self.sagemaker.list_pipelines()["PipelineSummaries"]}

    def code_keys(self) -> set[str]:
        return {item["Key"] for item in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])}


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for package in code_bundle.JOB_PACKAGES:
        (tmp_path / package.replace(".", "/")).mkdir(parents=True)
        (tmp_path / package.replace(".", "/") / "__init__.py").write_text("")
    for job in SCRIPTS:
        (tmp_path / f"ndr/jobs/run_{job}.py").write_text("")
    monkeypatch.setattr(code_bundle, "package_folder", lambda package: tmp_path / package.replace(".", "/"))
    return tmp_path


@pytest.fixture
def account(sources: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    # For a missing pipeline moto raises ValidationException, SageMaker ResourceNotFound.
    def pipeline_of_that_name(pipelines: dict[str, Any], name: str) -> Any:
        if name not in pipelines:
            raise JsonRESTError("ResourceNotFound", f"Pipeline '{name}' does not exist.")
        return pipelines[name]

    monkeypatch.setattr(moto.sagemaker.models, "get_pipeline_from_name", pipeline_of_that_name)
    # The SDK validates its configuration at every look-up, which takes a tenth of a second.
    monkeypatch.setattr(SageMakerConfig, "validate_sagemaker_config", staticmethod(lambda _: None))
    for name in ("NDR_PROCESSING_IMAGE_URI", "NDR_JOBSPEC_TABLE", "NDR_LEDGER_TABLE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        sagemaker, s3 = (boto3.client(service, region_name=REGION) for service in ("sagemaker", "s3"))
        s3.create_bucket(Bucket=BUCKET)
        account = Account(sagemaker, s3, "")
        yield Account(sagemaker, s3, account.role("ndr-pipelines"))


def test_all_pipelines_are_created_with_code_tags_and_description(account: Account) -> None:
    changes = account.register()

    assert [(change.name, change.change, change.registered_digest) for change in changes] == [
        ("ndr-15m-pipeline", "created", None),
        ("ndr-15m-pipeline-with-fgc", "created", None),
        (FG_B, "created", None),
        (UNLOAD, "created", None),
        (COMPACTION, "created", None),
    ]
    assert account.names() == set(PIPELINES)
    for change in changes:
        described = account.describe(change.name)
        assert described["RoleArn"] == account.role_arn
        assert described["PipelineDescription"].endswith(f" Definition sha256:{change.digest}")
        assert account.sagemaker.list_tags(ResourceArn=described["PipelineArn"])["Tags"] == PIPELINE_TAGS
        for step in json.loads(described["PipelineDefinition"])["Steps"]:
            code = step["Arguments"]["ProcessingInputs"][0]["S3Input"]["S3Uri"].removeprefix(f"s3://{BUCKET}/")
            script = step["Arguments"]["AppSpecification"]["ContainerEntrypoint"][1].rpartition("/")[2]
            assert {f"{code}{script}", f"{code}_SUCCESS"} <= account.code_keys()


def register_in_stack(account: Account, stack: str, suffix: str = "", dry_run: bool = False) -> list[Any]:
    return register_pipelines(
        account.role_arn, REGION, BUCKET, names=[FG_B], stack_name=stack, suffix=suffix, dry_run=dry_run
    )


def test_stacks_beside_each_other_have_pipelines_of_their_own(account: Account) -> None:
    register_in_stack(account, "ndr-prod")
    before = account.describe(FG_B)
    with pytest.raises(InvalidRequestError, match=r"'ndr-prod'.* the stack 'ndr-dev'.*PipelineNameSuffix"):
        register_in_stack(account, "ndr-dev")
    assert account.describe(FG_B) == before

    (created,) = register_in_stack(account, "ndr-dev", "-dev")
    assert (created.name, created.change) == (f"{FG_B}-dev", "created")
    assert [each.change for each in register_in_stack(account, "ndr-dev", "-dev", dry_run=True)] == ["unchanged"]

    remove_pipelines(account.role_arn, REGION, "-dev")
    assert account.names() == {FG_B}


def test_a_pipeline_of_an_earlier_release_is_tagged_with_its_stack(account: Account) -> None:
    account.register(FG_B)
    register_in_stack(account, "ndr-prod")
    with pytest.raises(InvalidRequestError, match="ndr-prod"):
        register_in_stack(account, "ndr-dev", dry_run=True)


def test_the_second_time_nothing_changes(account: Account) -> None:
    created = account.register(FG_B)[0]
    before = account.describe(FG_B)

    again = account.register(FG_B)[0]

    assert (again.change, again.differs_in, again.diff) == ("unchanged", (), "")
    assert again.digest == again.registered_digest == created.digest
    assert account.describe(FG_B) == before


def test_a_dry_run_of_an_empty_account_shows_and_does_nothing(account: Account) -> None:
    (change,) = account.register(UNLOAD, dry_run=True)
    assert change.change == "created"
    assert '+      "Name": "ReferenceMonthIso",' in change.diff
    assert account.names() == set()
    assert account.code_keys() == set()


def test_changed_sources_are_shown_by_a_dry_run_and_then_registered(account: Account, sources: Path) -> None:
    first = account.register(FG_B)[0]
    (sources / "ndr/jobs/__init__.py").write_text("# changed\n")

    shown = account.register(FG_B, dry_run=True)[0]
    assert (shown.change, shown.differs_in) == ("updated", ("definition", "description"))
    assert shown.registered_digest == first.digest != shown.digest
    # The code's prefix and its version in the environment, nothing else.
    changed = [line for line in shown.diff.splitlines()[2:] if line[0] in "+-"]
    assert [line[0] for line in changed] == ["-", "+", "-", "+"]
    assert ["NDR_CODE_VERSION" in line or "S3Uri" in line for line in changed] == [True] * 4
    assert account.describe(FG_B)["PipelineDescription"].endswith(first.digest)

    done = account.register(FG_B)[0]
    assert done == shown
    assert account.describe(FG_B)["PipelineDescription"].endswith(done.digest)
    assert len({key.split("/")[1] for key in account.code_keys()}) == 2
    assert account.register(FG_B)[0].change == "unchanged"


def test_a_definition_edited_by_hand_is_replaced(account: Account) -> None:
    registered = account.register(UNLOAD)[0]
    edited = json.loads(account.describe(UNLOAD)["PipelineDefinition"])
    edited["Parameters"][4]["DefaultValue"] = 7
    account.sagemaker.update_pipeline(PipelineName=UNLOAD, PipelineDefinition=json.dumps(edited))

    change = account.register(UNLOAD)[0]

    assert (change.change, change.differs_in) == ("updated", ("definition",))
    assert '-      "DefaultValue": 7,' in change.diff
    assert '+      "DefaultValue": 1,' in change.diff
    assert account.register(UNLOAD)[0].registered_digest == registered.digest


def test_another_formatting_of_the_json_is_not_a_change(account: Account) -> None:
    account.register(UNLOAD)
    registered = json.loads(account.describe(UNLOAD)["PipelineDefinition"])
    account.sagemaker.update_pipeline(
        PipelineName=UNLOAD, PipelineDefinition=json.dumps(registered, indent=7, sort_keys=True)
    )
    assert account.register(UNLOAD)[0].change == "unchanged"


def test_another_role_is_an_update(account: Account) -> None:
    account.register(FG_B)
    other = account.role("another-role")
    change = account.register(FG_B, role_arn=other)[0]
    assert change.change == "updated"
    assert "role" in change.differs_in
    assert account.describe(FG_B)["RoleArn"] == other


def test_deleted_code_is_uploaded_again_although_the_definition_is_unchanged(account: Account) -> None:
    account.register(FG_B)
    keys = account.code_keys()
    account.s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in keys]})
    assert account.register(FG_B)[0].change == "unchanged"
    assert account.code_keys() == keys


def test_names_choose_pipelines_in_registration_order_each_once(account: Account) -> None:
    assert chosen_names(None) == list(PIPELINES)
    assert chosen_names([UNLOAD, FG_B, UNLOAD]) == [FG_B, UNLOAD]
    assert [change.name for change in account.register(UNLOAD, FG_B, dry_run=True)] == [FG_B, UNLOAD]


@pytest.mark.parametrize(
    ("names", "found"), [(["fg_b"], "'fg_b'"), ([], "list of names is empty"), ([FG_B, "x"], "'x'")]
)
def test_a_wrong_list_of_names_is_refused_with_the_right_ones(names: list[str], found: str) -> None:
    with pytest.raises(
        InvalidRequestError, match=f"{found}.*ndr-15m-pipeline, ndr-15m-pipeline-with-fgc, {FG_B}, {UNLOAD}"
    ):
        chosen_names(names)


def test_upsert_by_hand_and_by_the_registry_agree(account: Account) -> None:
    """After a user's own upsert(role_arn) the registry finds no difference, also none in the description."""
    pipeline = build_fg_b_baseline_pipeline(account.role_arn, REGION, BUCKET)
    pipeline.upsert(account.role_arn)
    assert account.register(FG_B)[0].change == "unchanged"


# The Lambda.


@pytest.fixture
def upsert_lambda(account: Account, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("PIPELINE_ROLE_ARN", account.role_arn)
    monkeypatch.setenv("CODE_BUCKET", BUCKET)
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", "true")
    path = Path(__file__).parents[2] / "lambdas/upsert_pipelines/app.py"
    monkeypatch.syspath_prepend(path.parent)
    spec = importlib.util.spec_from_file_location("upsert_pipelines_app", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # where pydantic looks the annotations up
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Context:
    function_name: str = "upsert_pipelines"
    memory_limit_in_mb: int = 2048
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:upsert_pipelines"
    aws_request_id: str = "52fdfc07-2182-154f-163f-5f0f9a621d72"


def test_the_lambda_registers_and_answers_in_json(
    upsert_lambda: ModuleType, account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = upsert_lambda.handler({"pipelines": [FG_B]}, Context())

    assert account.names() == {FG_B}
    assert json.loads(json.dumps(answer))["dry_run"] is False
    (change,) = answer["pipelines"]
    assert set(change) == {"name", "change", "digest", "registered_digest", "differs_in", "diff"}
    assert (change["name"], change["change"], len(change["digest"])) == (FG_B, "created", 64)
    emitted = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert [metric["PipelinesChanged"] for metric in emitted] == [[1.0]]


def test_a_dry_run_of_the_lambda_reports_the_changes_of_the_real_run(
    upsert_lambda: ModuleType, account: Account
) -> None:
    """An event without names means all pipelines."""
    shown = upsert_lambda.handler({"dry_run": True}, Context())
    assert account.names() == set()
    done = upsert_lambda.handler({}, Context())
    assert account.names() == set(PIPELINES)
    assert (shown["dry_run"], done["dry_run"]) == (True, False)
    assert shown["pipelines"] == done["pipelines"]


def test_the_15_minute_pipeline_changes_its_definition_and_back_under_one_name(
    upsert_lambda: ModuleType, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deployed(choice: str) -> tuple[dict[str, str], list[list[str]]]:
        monkeypatch.setenv("FIFTEEN_MINUTE_PIPELINE", choice)
        answer = upsert_lambda.handler({}, Context())
        changes = {each["name"]: each["change"] for each in answer["pipelines"]}
        names = sorted(FIFTEEN_MINUTE_BUILDERS[choice])
        definitions = [json.loads(account.describe(name)["PipelineDefinition"]) for name in names]
        return changes, [[step["Name"] for step in definition["Steps"]] for definition in definitions]

    three = ["DeltaBuilderStep", "FGABuilderStep", "PairCountsBuilderStep"]
    both = [three, [*three, "FGCCorrBuilderStep"]]
    assert deployed("three-steps")[1] == both
    changes, steps = deployed("one-step")
    assert {name for name, change in changes.items() if change == "updated"} == {
        "ndr-15m-pipeline",
        "ndr-15m-pipeline-with-fgc",
    }
    assert steps == [["FifteenMinuteStep"], ["FifteenMinuteStep"]]
    assert account.names() == set(PIPELINES)
    assert set(deployed("one-step")[0].values()) == {"unchanged"}
    assert deployed("three-steps") == (changes, both)


def test_every_choice_of_the_15_minute_pipeline_has_a_builder_and_another_is_refused(account: Account) -> None:
    assert tuple(FIFTEEN_MINUTE_BUILDERS) == FIFTEEN_MINUTE_PIPELINES
    with pytest.raises(InvalidRequestError, match="'two-steps' does not exist. Set .* to three-steps or one-step"):
        register_pipelines(account.role_arn, REGION, BUCKET, fifteen_minutes="two-steps")
    assert account.names() == set()


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        ({"dryrun": True}, r"dryrun: extra inputs are not permitted, found True"),
        ({"dry_run": "yes"}, r"dry_run: input should be a valid boolean, found 'yes'"),
        ({"pipelines": FG_B}, r"pipelines: input should be a valid list, found 'ndr-fg-b"),
        ({"pipelines": [7]}, r"pipelines\.0: input should be a valid string, found 7"),
        ([], r"the event: .*found \[\]"),
    ],
)
def test_the_lambda_refuses_another_event_by_name(upsert_lambda: ModuleType, event: Any, sentence: str) -> None:
    with pytest.raises(InvalidRequestError, match=rf"The request cannot be read \({sentence}.*Write \{{\"dry_run\""):
        upsert_lambda.handler(event, Context())


def test_the_lambda_refuses_an_unknown_pipeline_by_name(upsert_lambda: ModuleType, account: Account) -> None:
    with pytest.raises(InvalidRequestError, match="no pipeline is called 'nightly'"):
        upsert_lambda.handler({"pipelines": ["nightly"]}, Context())
    assert account.names() == set()
