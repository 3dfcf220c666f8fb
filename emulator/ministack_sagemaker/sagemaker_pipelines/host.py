"""One host of a processing job: a subprocess where SageMaker starts a container."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from ministack_sagemaker.sagemaker_pipelines import warm_python
from ministack_sagemaker.sagemaker_pipelines.job_failure import JOB_INTERNAL_ERROR, REASON_LIMIT, JobFailedError
from ministack_sagemaker.sagemaker_pipelines.job_log import JobLog
from ministack_sagemaker.sagemaker_pipelines.opt_ml import ROOT_VARIABLE, OptMl
from ministack_sagemaker.sagemaker_pipelines.warm_python import ForkedProcess

_KEPT_VARIABLES = ("HOME", "LANG", "LC_ALL", "TZ", "JAVA_HOME")
_GRACE_SECONDS = 3.0
_TAKEN_AWAY = (-signal.SIGKILL, -signal.SIGTERM)


class Host:
    """Runs a job's command on one host.

    Parameters
    ----------
    name
        `algo-1`, `algo-2`, ...
    opt_ml
        What stands for `/opt/ml` there.
    log
        Where its output goes.
    """

    def __init__(self, name: str, opt_ml: OptMl, log: JobLog) -> None:
        self.name = name
        self.opt_ml = opt_ml
        self._log = log
        self._stopped = False
        self._process: subprocess.Popen[str] | ForkedProcess | None = None
        self._follower: threading.Thread | None = None
        self._changing = threading.Lock()

    def start(self, command: list[str], environment: Mapping[str, str], *, alone: bool) -> None:
        """Start the command, with every path under `/opt/ml` rewritten.

        Parameters
        ----------
        alone
            Whether it is the job's only instance; only then may it be forked from a process that is warm.

        Raises
        ------
        JobFailedError
            The machine can't start a process.
        """
        with self._changing:
            if self._stopped:
                return
            try:
                self._process = self._started(
                    self._local_command(command), self._local_environment(environment), alone=alone
                )
            except FileNotFoundError as error:
                raise JobFailedError(
                    f"AlgorithmError: the entry point can't be run: {error}, exit code: 127"
                ) from error
            except OSError as error:
                raise JobFailedError(
                    f"InternalServerError: We encountered an internal error. Please try again. {error}",
                    JOB_INTERNAL_ERROR,
                ) from error
            assert self._process.stdout is not None
            self._follower = self._log.follow(self._process.stdout)

    def _started(
        self, command: list[str], environment: dict[str, str], *, alone: bool
    ) -> subprocess.Popen[str] | ForkedProcess:
        forked = warm_python.start(command, environment, self.opt_ml.root) if alone else None
        return forked or subprocess.Popen(
            command,
            env=environment,
            cwd=self.opt_ml.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            process_group=0,
        )

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End the command's process group: SIGTERM, then SIGKILL to what is left of it."""
        with self._changing:
            self._stopped = True
            if self._process is None:
                return
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_SECONDS)
        self._signal(signal.SIGKILL)

    def failure(self) -> JobFailedError | None:
        """Why the command failed; None when it succeeded or was stopped."""
        if self._process is None or self._stopped:
            return None
        if self._follower is not None:
            self._follower.join()
        code = self._process.wait()
        if code == 0:
            return None
        if code in _TAKEN_AWAY:
            return JobFailedError(
                f"InternalServerError: We encountered an internal error. Please try again. "
                f"{self.name} was ended from outside by {signal.Signals(-code).name}.",
                JOB_INTERNAL_ERROR,
            )
        return JobFailedError(self._algorithm_error(code if code > 0 else 128 - code))

    def _algorithm_error(self, code: int) -> str:
        ending = f", exit code: {code}"
        room = REASON_LIMIT - len("AlgorithmError: ") - len(ending)
        message = self.opt_ml.message()
        # The message file is cut at its end, the log at its start: a traceback names the error in its last line.
        words = message[:room] if message else self._log.last_words()[-room:]
        return f"AlgorithmError: {words}{ending}"

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):  # nothing of the group is left
            os.killpg(self._process.pid, number)

    def _local_command(self, command: list[str]) -> list[str]:
        program, *arguments = [self.opt_ml.translate(word) for word in command]
        # The image is the one thing here that is not real: its Python is the one that runs this account.
        return [sys.executable if program in ("python3", "python") else program, *arguments]

    def _local_environment(self, environment: Mapping[str, str]) -> dict[str, str]:
        kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        return {
            **kept,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "TMPDIR": str(self.opt_ml.root / "tmp"),
            "PYTHONUNBUFFERED": "1",
            ROOT_VARIABLE: str(self.opt_ml.root),
            **{name: self.opt_ml.translate(value) for name, value in environment.items()},
        }
