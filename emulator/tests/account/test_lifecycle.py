"""Accounts that start, are found again, and end."""

from __future__ import annotations

import concurrent.futures
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from botocore.exceptions import ClientError

from ministack_sagemaker.errors import AccountError
from ministack_sagemaker.lifecycle import Account, down, up


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def until(condition: object, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_up_twice_is_one_account(account: Account) -> None:
    assert up(account.directory) == account
    assert Account.load(account.directory) == account
    assert up(account.directory, wait_scale=account.wait_scale) == account


def test_up_with_other_settings_is_refused(account: Account) -> None:
    with pytest.raises(AccountError, match="with wait scale 0.01.$") as refused:
        up(account.directory, wait_scale=1.0)
    assert refused.value.remedy == "stop"
    with pytest.raises(AccountError, match=f"at {account.endpoint_url}"):
        up(account.directory, port=1)
    with pytest.raises(AccountError, match="with IAM enforced"):
        up(account.directory, auth=False)


def test_environment_is_all_that_a_process_needs(account: Account) -> None:
    script = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    environment = {"PATH": os.environ["PATH"], **account.environment()}
    ran = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == account.account_id


def test_nothing_to_load_or_stop(tmp_path: Path) -> None:
    with pytest.raises(AccountError, match="No account was started in"):
        Account.load(tmp_path)
    assert down(tmp_path) is False


def test_a_process_id_given_to_another_program_is_not_an_account(tmp_path: Path, account: Account) -> None:
    recorded = json.loads((account.directory / "account.json").read_text())
    recorded |= {"pid": os.getpid(), "directory": str(tmp_path)}
    (tmp_path / "account.json").write_text(json.dumps(recorded))
    with pytest.raises(AccountError, match="is not running any more"):
        Account.load(tmp_path)
    assert down(tmp_path) is False  # and this process lives


def test_a_server_whose_record_is_lost_is_found_and_stopped(tmp_path: Path) -> None:
    account = up(tmp_path, end_with_parent=True)
    (tmp_path / "account.json").unlink()
    assert down(tmp_path) is True
    assert gone(account.pid)


def test_no_program_is_needed_to_start_find_and_stop_an_account(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from ministack_sagemaker.lifecycle import Account, down, up\n"
        "os.environ['PATH'] = '/nowhere'; here = Path(sys.argv[1])\n"
        "started = up(here, end_with_parent=True); assert Account.load(here) == started == up(here)\n"
        "assert down(here); assert not down(here)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", script, str(tmp_path)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_two_starts_at_one_time_are_one_account(tmp_path: Path) -> None:
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: up(tmp_path, end_with_parent=True), range(2))
    assert first == second
    assert down(tmp_path) is True
    assert gone(first.pid)


def test_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(AccountError, match=f"Port {port} of 127.0.0.1 is taken"):
            up(tmp_path, port=port)


@pytest.mark.parametrize("setting", ["wait_scale", "job_startup_seconds"])
def test_a_negative_time_is_refused(tmp_path: Path, setting: str) -> None:
    with pytest.raises(AccountError, match=f"{setting} is -1.0; it must be 0 or more"):
        up(tmp_path, **{setting: -1.0})  # type: ignore[arg-type]


def test_a_killed_account_is_started_afresh_and_ends_with_its_parent(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from ministack_sagemaker.lifecycle import up\n"
        "print(up(Path(sys.argv[1]), end_with_parent=True).pid, flush=True); time.sleep(600)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", script, str(tmp_path)]
    pids = []
    for ending in ("account", "parent"):
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as parent:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
            pids.append(pid)
            account = Account.load(tmp_path)
            assert account.client("s3").list_buckets()["Buckets"] == []
            account.client("s3").create_bucket(Bucket="left-behind")
            if ending == "account":
                os.kill(pid, signal.SIGKILL)
            parent.kill()
        until(lambda pid=pid: gone(pid))
        with pytest.raises(AccountError, match="is not running any more"):
            Account.load(tmp_path)
    assert pids[0] != pids[1]


def test_policies_on_pipelines_and_clusters_are_enforced(account: Account) -> None:
    import boto3

    iam, user = account.client("iam"), "limited"
    iam.create_user(UserName=user)
    allowed = [
        {"Effect": "Allow", "Action": "sagemaker:DescribePipeline", "Resource": "arn:aws:sagemaker:*:*:pipeline/own-*"},
        {"Effect": "Allow", "Action": "redshift-data:ExecuteStatement", "Resource": "arn:aws:redshift:*:*:cluster:one"},
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    session = boto3.session.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=account.region)
    sagemaker = session.client("sagemaker", endpoint_url=account.endpoint_url)
    redshift = session.client("redshift-data", endpoint_url=account.endpoint_url)

    def code(call: object, **arguments: str) -> str:
        with pytest.raises(ClientError) as raised:
            call(**arguments)  # type: ignore[operator]
        return str(raised.value.response["Error"]["Code"])

    assert code(sagemaker.describe_pipeline, PipelineName="own-absent") == "ResourceNotFound"
    assert code(sagemaker.describe_pipeline, PipelineName="other") == "AccessDeniedException"
    assert code(sagemaker.delete_pipeline, PipelineName="own-absent") == "AccessDeniedException"
    where = {"Sql": "SELECT 1", "Database": "dev"}
    assert redshift.execute_statement(ClusterIdentifier="one", **where)["Id"]
    assert code(redshift.execute_statement, ClusterIdentifier="two", **where) == "AccessDeniedException"


def test_jobs_act_as_their_role_when_policies_are_enforced(account: Account) -> None:
    iam, s3 = account.client("iam"), account.client("s3")
    s3.create_bucket(Bucket="role-code")
    s3.put_object(Bucket="role-code", Key="run.py", Body=b"import boto3\nboto3.client('s3').list_buckets()\n")
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com", "AWS": "*"},
        "Action": "sts:AssumeRole",
    }
    trust_document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="jobs", AssumeRolePolicyDocument=trust_document)["Role"]["Arn"]
    step = {
        "Name": "Lists",
        "Type": "Processing",
        "Arguments": {
            "ProcessingResources": {
                "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30}
            },
            "AppSpecification": {
                "ImageUri": "image",
                "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/run.py"],
            },
            "ProcessingInputs": [
                {
                    "InputName": "code",
                    "S3Input": {
                        "S3Uri": "s3://role-code/run.py",
                        "LocalPath": "/opt/ml/processing/input/code",
                        "S3DataType": "S3Prefix",
                        "S3InputMode": "File",
                    },
                }
            ],
        },
    }
    starts = {
        "Effect": "Allow",
        "Action": ["sagemaker:*", "iam:PassRole", "s3:GetObject", "s3:ListBucket", "logs:*"],
        "Resource": "*",
    }
    starting = json.dumps({"Version": "2012-10-17", "Statement": [starts]})
    iam.put_role_policy(RoleName="jobs", PolicyName="starts", PolicyDocument=starting)
    sagemaker = account.client("sagemaker")
    definition = json.dumps({"Version": "2020-12-01", "Steps": [step]})
    sagemaker.create_pipeline(PipelineName="lists", PipelineDefinition=definition, RoleArn=role)

    def run() -> dict[str, str]:
        arn = sagemaker.start_pipeline_execution(PipelineName="lists")["PipelineExecutionArn"]
        running = ("Executing", "Stopping")
        until(
            lambda: (
                sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"]
                not in running
            )
        )
        return sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"][0]

    refused = run()
    assert refused["StepStatus"] == "Failed"
    assert "AccessDenied" in refused["FailureReason"]
    assert ":assumed-role/jobs/" in refused["FailureReason"]
    allowed = [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]
    document = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    iam.put_role_policy(RoleName="jobs", PolicyName="p", PolicyDocument=document)
    assert run()["StepStatus"] == "Succeeded"
