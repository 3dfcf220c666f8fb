"""Several instances as one Spark standalone cluster: the first runs master, worker and driver, each other a worker."""

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

from ndr.spark.coordinator import DONE, ClusterError, Coordinator, CoordinatorClient
from ndr.spark.instances import Instances
from ndr.spark.session import JVM_OPTIONS, jvm_mebibytes, open_session, require_java, scratch

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MASTER_PORT: Final = 7077
# Instances of one job start within a few minutes of each other.
CONNECT_SECONDS: Final = 600.0
CONNECT_SECONDS_VARIABLE: Final = "NDR_CONNECT_SECONDS"
"""Names another time, for a job that the first instance starts after others."""
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
def cluster(instances: Instances) -> Iterator[SparkSession]:
    """Start the cluster on its first instance, and send the outcome of the context to the other instances.

    Raises
    ------
    InvalidRequestError
        Java or PySpark is absent.
    ClusterError
        The master did not start, or no worker registered in time.
    """
    require_java()
    url = f"spark://{instances.current}:{MASTER_PORT}"
    with (
        _daemons_folder() as folder,
        _master(instances.current, folder),
        Worker(instances.current, url, folder) as worker,
    ):
        coordinator = Coordinator(instances.current, url)
        try:
            with _kept_alive(worker):
                session = open_session(url, instances.current)
                try:
                    _await_workers(session, len(instances.names))
                    yield session
                finally:
                    session.stop()
        except BaseException as error:
            coordinator.announce(f"{type(error).__name__}: {error}")
            raise
        coordinator.announce(DONE)


def serve(instances: Instances) -> None:
    """Run a worker of the cluster until the job on the first instance has ended.

    Raises
    ------
    InvalidRequestError
        Java or PySpark is absent.
    ClusterError
        The first instance cannot be reached, its job failed, or it disappeared.
    """
    require_java()
    seconds = float(os.environ.get(CONNECT_SECONDS_VARIABLE, CONNECT_SECONDS))
    client = CoordinatorClient(instances.first, seconds)
    with _daemons_folder() as folder, Worker(instances.current, client.master_url, folder) as worker:
        client.wait(meanwhile=worker.keep_alive)


class Worker:
    """A Spark worker process on this instance. It is restarted when it dies, so that the job regains its cores."""

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
        """Restart the worker if it has died, at most `_RESTARTS` times: after that the instance itself is faulty."""
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
                raise ClusterError(f"The Spark master did not start on {address}; see the log of the job.")
            time.sleep(_POLL_SECONDS / 5)
        yield
    finally:
        _end(process)


def _await_workers(session: SparkSession, wanted: int) -> None:
    """Wait until every instance has an executor. When the time is up, the job continues if there is at least one."""
    deadline = time.monotonic() + REGISTRATION_SECONDS
    while (found := _executors(session)) < wanted and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS / 5)
    if found == 0:
        raise ClusterError(f"None of {wanted} Spark workers registered within {REGISTRATION_SECONDS:.0f} s.")
    if found < wanted:
        print(f"Only {found} of {wanted} Spark workers registered in time; continuing with these.", flush=True)


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
