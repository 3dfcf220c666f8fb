"""A Spark session with the settings that every job shares."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ndr.contract.errors import InvalidRequestError
from ndr.spark.instances import opt_ml
from ndr.spark.s3a import s3a_settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# The JVM moves bytes and spills the excess; the kernels in the Python workers need the rest of the memory.
_JVM_SHARE: Final = 0.3
# It moves them in messages of megabytes, so fast compilation is as good as optimised code: half the CPU time of a short
# job, no more of a long one.
JVM_OPTIONS: Final = "-XX:TieredStopAtLevel=1"

SETTINGS: Final = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "WARN",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.adaptive.enabled": "true",
    # A row is a message of some megabytes: limit bytes, not rows.
    "spark.sql.execution.arrow.maxBytesPerBatch": str(32 << 20),
    # Parquet that Spark writes itself has timestamps as the contract has them; its own default is INT96.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.driver.maxResultSize": "0",
    "spark.driver.extraJavaOptions": JVM_OPTIONS,
    "spark.executor.extraJavaOptions": JVM_OPTIONS,
    "spark.python.worker.faulthandler.enabled": "true",
}


def open_session(master: str, address: str) -> SparkSession:
    """Open a session.

    Parameters
    ----------
    master : str
        `local[*]` or `spark://host:port`.
    address : str
        Where the driver listens; executors must reach it.

    Raises
    ------
    InvalidRequestError
        Java or PySpark is absent.
    """
    require_java()
    from pyspark.sql import SparkSession

    # Without this the workers run the first python3 of the PATH, whatever its version and packages.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)

    heap = f"{jvm_mebibytes()}m"
    settings = (
        SETTINGS
        | s3a_settings()
        | {
            "spark.driver.host": address,
            "spark.driver.bindAddress": address,
            "spark.driver.memory": os.environ.get("SPARK_DRIVER_MEMORY", heap),
            "spark.executor.memory": os.environ.get("SPARK_EXECUTOR_MEMORY", heap),
            "spark.local.dir": scratch(),
            # The code is at the same path on every instance, not in an archive: numba's cache needs files.
            "spark.executorEnv.PYTHONPATH": os.pathsep.join(filter(os.path.exists, sys.path)),
        }
    )
    builder = SparkSession.builder.master(master).appName("ndr")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def require_java() -> None:
    """Check that Spark can start.

    Raises
    ------
    InvalidRequestError
        Says which image to use, or what to install.
    """
    home = os.environ.get("JAVA_HOME")
    if not shutil.which(str(Path(home, "bin", "java")) if home else "java"):
        place = f"below JAVA_HOME ({home})" if home else "on PATH"
        raise InvalidRequestError(
            f"The engine spark needs Java 17 or newer, and none was found {place}. "
            + _remedy("on Debian: apt-get install openjdk-17-jre-headless")
        )
    if importlib.util.find_spec("pyspark") is None:
        raise InvalidRequestError(
            "The engine spark needs PySpark, and it is not installed. " + _remedy("pip install pyspark")
        )


def _remedy(command: str) -> str:
    image = os.environ.get("NDR_SPARK_PROCESSING_IMAGE_URI")
    if not image:
        return f"Install it ({command}), or set engine: local in the job's JobSpec."
    return (
        f"The image of this job has no Spark: start the pipeline with ProcessingImageUri={image} or set "
        f"processing_image_uri in the job's JobSpec to it, or set engine: local there and use one instance."
    )


def jvm_mebibytes() -> int:
    """Return the JVM heap for this machine, MiB."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1024, int(memory * _JVM_SHARE) >> 20)


def scratch() -> str:
    """Return the folder for what Spark spills; on SageMaker it is on the volume of the job, which is the largest."""
    folder = opt_ml() / "processing"
    if "SPARK_LOCAL_DIRS" in os.environ:
        return os.environ["SPARK_LOCAL_DIRS"]
    return str(folder / "spark") if folder.is_dir() and os.access(folder, os.W_OK) else tempfile.gettempdir()
