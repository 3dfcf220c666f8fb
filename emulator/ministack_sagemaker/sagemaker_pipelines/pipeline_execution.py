"""One execution of a pipeline: its steps, in the order of their dependencies."""

from __future__ import annotations

import concurrent.futures
import graphlib
import logging
import secrets
import string
import threading
from typing import Any

from ministack_sagemaker import clock
from ministack_sagemaker.aws_json import ServiceError
from ministack_sagemaker.sagemaker_pipelines.definition import Definition
from ministack_sagemaker.sagemaker_pipelines.expressions import resolve
from ministack_sagemaker.sagemaker_pipelines.properties import step_property
from ministack_sagemaker.sagemaker_pipelines.step_execution import StepExecution
from ministack_sagemaker.scope import Scope

_ID_ALPHABET = string.ascii_lowercase + string.digits
logger = logging.getLogger("ministack_sagemaker")


class PipelineExecution:
    """An execution. `start` runs it on a thread of its own.

    Parameters
    ----------
    scope
        The account and region.
    pipeline_arn, role_arn
        The pipeline, and the role of its jobs.
    definition
        The definition registered when the execution was started.
    parameters
        Bound parameters.
    request
        The StartPipelineExecution request; descriptions repeat parts of it.
    """

    def __init__(
        self,
        scope: Scope,
        pipeline_arn: str,
        role_arn: str,
        definition: Definition,
        parameters: dict[str, Any],
        request: dict[str, Any],
    ) -> None:
        self.scope = scope
        self.pipeline_arn = pipeline_arn
        self._role_arn = role_arn
        self.definition = definition
        self.parameters = parameters
        self.request = request
        self.id = "".join(secrets.choice(_ID_ALPHABET) for _ in range(12))
        self.arn = f"{pipeline_arn}/execution/{self.id}"
        self.created = clock.now()
        self.modified = self.created
        self.status = "Executing"
        self.failure_reason: str | None = None
        self.steps: dict[str, StepExecution] = {}
        self._jobs: Any = None
        self._stopping = threading.Event()
        self._changing = threading.Lock()

    def start(self, record_job: Any) -> None:
        """Start the execution; `record_job` is called with each job before the job runs."""
        self._jobs = record_job
        clock.count(+1)
        threading.Thread(target=self._run, name=f"pipeline execution {self.id}", daemon=True).start()

    def stop(self) -> None:
        """Stop the running steps and start no other.

        Raises
        ------
        ServiceError
            `ValidationException` when the execution has already ended.
        """
        with self._changing:
            if self.status not in ("Executing", "Stopping"):
                raise ServiceError(
                    "ValidationException",
                    f"Pipeline execution with ARN {self.arn} is {self.status}. "
                    "Only executions that are Executing can be stopped.",
                )
            self.status = "Stopping"
            self.modified = clock.now()
            self._stopping.set()
            steps = list(self.steps.values())
        for step in steps:
            step.stop()

    def _run(self) -> None:
        order = self.definition.dependencies()
        order.prepare()
        try:
            with concurrent.futures.ThreadPoolExecutor(len(self.definition.steps) or 1) as pool:
                self._run_steps(order, pool)
        except Exception as error:
            logger.exception("pipeline execution %s", self.arn)
            self._end("Failed", f"InternalServerError: {type(error).__name__}: {error}")
            return
        if any(step.status == "Failed" for step in self.steps.values()):
            self._end("Failed", "Step failure: One or multiple steps failed.")
        else:
            self._end("Stopped" if self._stopping.is_set() else "Succeeded", None)

    def _run_steps(self, order: graphlib.TopologicalSorter[str], pool: concurrent.futures.Executor) -> None:
        running: dict[concurrent.futures.Future[None], str] = {}
        failed = False
        while order.is_active():
            if not failed and not self._stopping.is_set():
                for name in order.get_ready():
                    clock.count(+1)
                    running[pool.submit(self._run_step, name)] = name
            if not running:
                return
            with clock.working(-1):
                done, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            clock.count(-len(done))
            for future in done:
                name = running.pop(future)
                future.result()
                if self.steps[name].status == "Succeeded":
                    order.done(name)
                else:
                    failed = True

    def _run_step(self, name: str) -> None:
        definition = self.definition.steps[name]
        step = StepExecution(self.scope, name, self.id, definition.get("RetryPolicies") or [])
        with self._changing:
            self.steps[name] = step
            if self._stopping.is_set():
                step.stop()
        try:
            arguments = resolve(definition["Arguments"], self._lookup)
        except ServiceError as error:
            step.fail(f"ClientError: {error.message}")
            return
        step.run(arguments, self._role_arn, self._jobs)

    def _lookup(self, reference: str) -> Any:
        kind, _, rest = reference.partition(".")
        if kind == "Parameters":
            return self.parameters[rest]
        if kind == "Execution":
            return self._variable(rest)
        name, _, path = rest.partition(".")
        job = self.steps[name].job
        assert job is not None
        return step_property(job.describe(), path)

    def _variable(self, name: str) -> str:
        values = {
            "StartDateTime": self.created.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "CurrentDateTime": clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "PipelineName": self.pipeline_arn.rpartition("/")[2],
            "PipelineArn": self.pipeline_arn,
            "PipelineExecutionId": self.id,
            "PipelineExecutionArn": self.arn,
        }
        if name not in values:
            raise ServiceError("ValidationException", f"Execution.{name} has no value in a Processing step.")
        return values[name]

    def _end(self, status: str, reason: str | None) -> None:
        with self._changing:
            self.status = status
            self.failure_reason = reason
            self.modified = clock.now()
        clock.count(-1)
