"""Several hosts as one Spark standalone cluster: the first runs master, worker and driver, the others a worker each."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ndr.spark.gate import DONE, ClusterError, Gate, Guest
from ndr.spark.instances import Hosts
from ndr.spark.session import JVM_OPTIONS, jvm_mebibytes, open_session, require_java, scratch

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MASTER_PORT: Final = 7077
# Instances of one job start within a few minutes of each other.
MEETING_SECONDS: Final = 600.0
REGISTRATION_SECONDS: Final = 120.0
_MASTER_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.5
_RESTARTS: Final = 5
_LOGGING: Final = """
rootLogger.level = warn
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d{yy/MM/dd HH:mm:ss} %p %c{1}: %m%n%ex
"""


@contextmanager
def cluster(hosts: Hosts) -> Iterator[SparkSession]:
    """Form the cluster on its first host, and tell the other hosts how the work under this context ended.

    Raises
    ------
    InvalidRequestError
        Java or PySpark is absent.
    ClusterError
        The master did not start, or no worker registered in time.
    """
    require_java()
    url = f"spark://{hosts.current}:{MASTER_PORT}"
    with _daemons_folder() as folder, _master(hosts.current, folder), Worker(hosts.current, url, folder) as worker:
        gate = Gate(hosts.current, url)
        try:
            with _kept_alive(worker):
                session = open_session(url, hosts.current)
                try:
                    _await_workers(session, len(hosts.names))
                    yield session
                finally:
                    session.stop()
        except BaseException as error:
            gate.announce(f"{type(error).__name__}: {error}")
            raise
        gate.announce(DONE)


def serve(hosts: Hosts) -> None:
    """Be a worker of the cluster until the job on the first host has ended.

    Raises
    ------
    InvalidRequestError
        Java or PySpark is absent.
    ClusterError
        The first host can't be reached, its job failed, or it vanished.
    """
    require_java()
    guest = Guest(hosts.first, MEETING_SECONDS)
    with _daemons_folder() as folder, Worker(hosts.current, guest.master_url, folder) as worker:
        guest.wait(meanwhile=worker.keep_alive)


class Worker:
    """A Spark worker process on this host, started again when it dies: the rest of the job has its cores back."""

    def __init__(self, address: str, master_url: str, folder: Path) -> None:
        memory = os.environ.get("SPARK_EXECUTOR_MEMORY", f"{jvm_mebibytes()}m")
        cores = os.environ.get("SPARK_WORKER_CORES", str(os.cpu_count()))
        self._command = [
            *("org.apache.spark.deploy.worker.Worker", "--host", address, "--webui-port", "0"),
            *("--cores", cores, "--memory", memory, "--work-dir", str(folder / "work"), master_url),
        ]
        self._folder = folder
        self._restarts_left = _RESTARTS
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Worker:
        self._process = _daemon(self._command, self._folder)
        return self

    def __exit__(self, *_: object) -> None:
        _end(self._process)

    def keep_alive(self) -> None:
        """Start the worker again if it has died; after some times not, since something is wrong with the host."""
        if self._process is not None and self._process.poll() is not None and self._restarts_left:
            self._restarts_left -= 1
            print(f"The Spark worker ended with {self._process.returncode}; starting it again.", flush=True)
            self._process = _daemon(self._command, self._folder)


@contextmanager
def _kept_alive(worker: Worker) -> Iterator[None]:
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_POLL_SECONDS):
            worker.keep_alive()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def _master(address: str, folder: Path) -> Iterator[None]:
    command = ["org.apache.spark.deploy.master.Master", "--host", address, "--port", str(MASTER_PORT)]
    process = _daemon([*command, "--webui-port", "0"], folder, SPARK_MASTER_OPTS="-Dspark.master.rest.enabled=false")
    try:
        deadline = time.monotonic() + _MASTER_SECONDS
        while not _answers(address, MASTER_PORT):
            if process.poll() is not None or time.monotonic() > deadline:
                raise ClusterError(f"The Spark master did not start on {address}; its words are in the job's log.")
            time.sleep(_POLL_SECONDS / 5)
        yield
    finally:
        _end(process)


def _await_workers(session: SparkSession, wanted: int) -> None:
    """Wait until every host works for the session. Fewer than all are enough when time is up; none are not."""
    deadline = time.monotonic() + REGISTRATION_SECONDS
    while (found := _executors(session)) < wanted and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS / 5)
    if found == 0:
        raise ClusterError(f"None of {wanted} Spark workers registered within {REGISTRATION_SECONDS:.0f} s.")
    if found < wanted:
        print(f"Only {found} of {wanted} Spark workers registered in time; going on with them.", flush=True)


def _executors(session: SparkSession) -> int:
    infos = session.sparkContext._jsc.sc().statusTracker().getExecutorInfos()
    return len(infos) - 1  # the driver counts itself


@contextmanager
def _daemons_folder() -> Iterator[Path]:
    Path(scratch()).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="spark-", dir=scratch(), ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "conf").mkdir()
        (folder / "conf" / "log4j2.properties").write_text(_LOGGING)
        yield folder


def _daemon(command: list[str], folder: Path, **variables: str) -> subprocess.Popen[bytes]:
    import pyspark

    home = Path(pyspark.__file__).parent
    environment: Mapping[str, str] = os.environ | {
        "SPARK_HOME": str(home),
        "SPARK_CONF_DIR": str(folder / "conf"),
        "SPARK_LOCAL_DIRS": scratch(),
        "SPARK_DAEMON_MEMORY": "512m",
        "SPARK_DAEMON_JAVA_OPTS": JVM_OPTIONS,
        **variables,
    }
    return subprocess.Popen([str(home / "bin" / "spark-class"), *command], env=dict(environment))


def _end(process: subprocess.Popen[bytes] | None) -> None:
    if process is None:
        return
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _answers(address: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
        return True
    return False
