"""A registered pipeline's steps in containers of the Processing images, started as SageMaker starts them."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from tests.docker_engine import succeeds

from ministack_sagemaker.lifecycle import Account
from ministack_sagemaker.sagemaker_pipelines.definition import Definition
from ministack_sagemaker.sagemaker_pipelines.expressions import resolve
from ministack_sagemaker.sagemaker_pipelines.input_cache import split_uri
from ministack_sagemaker.sagemaker_pipelines.parameters import bind

OPT_ML = PurePosixPath("/opt/ml")


@dataclass(frozen=True)
class Ended:
    """A finished container: its exit code, its output, and the folder of its /opt/ml."""

    exit_code: int
    output: str
    opt_ml: Path

    @property
    def message(self) -> str:
        """The reason that SageMaker shows of a failure."""
        return (self.opt_ml / "output" / "message").read_text()


@dataclass(frozen=True)
class Containers:
    """Containers that reach an account at a port of this machine's end of Docker's bridge.

    `images` are by the tag that a step's image URI ends with.
    `variables` limit the resources of Spark on a machine that is not a SageMaker instance.
    """

    images: Mapping[str, str]
    account: Account
    port: int
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def execute(self, pipeline: str, **parameters: str) -> list[Ended]:
        """Run the steps of a registered pipeline, each on as many containers as it has instances.

        Returns
        -------
        list of Ended
            Of every container; those of the first step that failed are the last.
        """
        described = self.account.client("sagemaker").describe_pipeline(PipelineName=pipeline)
        definition = Definition.parse(described["PipelineDefinition"])
        bound = bind(definition.parameters, [{"Name": name, "Value": parameters[name]} for name in parameters])
        values = {f"Parameters.{name}": value for name, value in bound.items()}
        values["Execution.PipelineExecutionArn"] = f"{described['PipelineArn']}/execution/{uuid.uuid4().hex[:12]}"
        ended: list[Ended] = []
        for name in definition.dependencies().static_order():
            step = resolve(definition.steps[name]["Arguments"], values.__getitem__)
            ended += self._run(f"{name}-{uuid.uuid4().hex[:8]}", step)
            if any(host.exit_code for host in ended):
                break
        return ended

    def script(self, script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a script with the jobs in the image with Spark, outside of SageMaker."""
        mounted = f"/tmp/{script.name}"
        command = ["docker", "run", "--rm", "--volume", f"{script}:{mounted}:ro", *self._variables({})]
        command.append(self.images["spark"])
        return subprocess.run([*command, mounted, *arguments], capture_output=True, text=True, check=False)

    def _run(self, job: str, request: dict[str, Any]) -> list[Ended]:
        hosts = [f"algo-{n + 1}" for n in range(request["ProcessingResources"]["ClusterConfig"]["InstanceCount"])]
        with _network(job):
            running = [self._start(job, host, hosts, request) for host in hosts]
            return [Ended(process.wait(), log.read_text(), log.with_name("ml")) for process, log in running]

    def _start(
        self, job: str, host: str, hosts: list[str], request: dict[str, Any]
    ) -> tuple[subprocess.Popen[bytes], Path]:
        opt_ml = self.folder / job / host / "ml"
        self._provide(opt_ml, request)
        _write_json(opt_ml / "config" / "processingjobconfig.json", {"ProcessingJobName": job, **request})
        _write_json(opt_ml / "config" / "resourceconfig.json", {"current_host": host, "hosts": hosts})
        (opt_ml / "output").mkdir()
        program, *before = request["AppSpecification"]["ContainerEntrypoint"]
        image = self.images[request["AppSpecification"]["ImageUri"].rpartition(":")[2]]
        command = [
            *("docker", "run", "--rm", "--name", f"{job}-{host}"),
            *("--network", job, "--hostname", host, "--network-alias", host),
            *("--volume", f"{opt_ml}:{OPT_ML}", *self._variables(request["Environment"])),
            *("--entrypoint", program, image, *before),
            *request["AppSpecification"]["ContainerArguments"],
        ]
        log = opt_ml.with_name("log")
        with log.open("wb") as output:
            return subprocess.Popen(command, stdout=output, stderr=output), log

    def _provide(self, opt_ml: Path, request: dict[str, Any]) -> None:
        """Copy the inputs into the container's folder."""
        s3 = self.account.client("s3")
        for item in request["ProcessingInputs"]:
            bucket, prefix = split_uri(item["S3Input"]["S3Uri"])
            folder = opt_ml / PurePosixPath(item["S3Input"]["LocalPath"]).relative_to(OPT_ML)
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
                for found in page["Contents"]:
                    path = folder / found["Key"].removeprefix(prefix)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    s3.download_file(bucket, found["Key"], str(path))
        (opt_ml / "config").mkdir()

    def _variables(self, job: Mapping[str, str]) -> list[str]:
        """Return the arguments for the address of the account and for the variables of the job."""
        account = self.account.environment() | {"AWS_ENDPOINT_URL": f"http://host.docker.internal:{self.port}"}
        variables = {**job, **account, **self.variables}
        words = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
        return ["--add-host", "host.docker.internal:host-gateway", *words]


@contextmanager
def _network(name: str) -> Iterator[None]:
    """A network on which the instances of a job resolve each other by name."""
    subprocess.run(["docker", "network", "create", name], check=True, capture_output=True)
    try:
        yield
    finally:
        for host in subprocess.run(
            ["docker", "ps", "--quiet", "--filter", f"network={name}"], capture_output=True, text=True, check=True
        ).stdout.split():
            succeeds("docker", "rm", "--force", host)
        succeeds("docker", "network", "rm", name)


def _write_json(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document))
