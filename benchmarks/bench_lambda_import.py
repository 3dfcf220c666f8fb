"""What a cold start of the light functions costs: the size of each package, and the import of its handler.

Each package is built as `sam build` builds it, for the Python that runs this, and imported by a fresh process that
sees the package and boto3 only, as in Lambda. `-X importtime` says how long; its own cost is in the figure. Beside it
stands the processor time of a process that does nothing else, Python's own start taken off, which a busy machine does
not lengthen: the smaller of the two is held against the limit. The rounds of the functions alternate, and the median is
what counts. One JSON line a function; exit status 1 when a figure is above its limit.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import zipfile
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
FUNCTIONS = ("PlanRunFunction", "ExplainFailureFunction")
IN_THE_RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3")
ROUNDS = 9
LIMIT_MIB = 10.0
LIMIT_MS = 400.0


def build(function: str, folder: Path) -> Path:
    """Build a function's package in a folder and return it."""
    package = folder / function
    package.mkdir()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    settings = [f"ARTIFACTS_DIR={package}", f"PYTHON={sys.executable}", f"LAMBDA_PYTHON={version}"]
    makefile = ["make", "--silent", "--file", "lambdas/Makefile", f"build-{function}"]
    subprocess.run([*makefile, *settings], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return package


def runtime(folder: Path) -> Path:
    """Return a folder with the packages that the Lambda runtime brings, and nothing else of this environment."""
    site = folder / "runtime"
    site.mkdir()
    for name in IN_THE_RUNTIME:
        distribution = metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files or [] if file.suffix == ".py"}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(distribution.locate_file(top))))
    return site


def import_ms(package: Path, site: Path) -> float:
    """Import the handler's module in a fresh process and return the milliseconds that `-X importtime` counts for it."""
    ran = python(package, site, "-X", "importtime", "-c", "import app")
    (microseconds,) = [line.split("|")[1] for line in ran.stderr.splitlines() if line.endswith("| app")]
    return int(microseconds) / 1000


def processor_ms(package: Path, site: Path) -> float:
    """Return the processor time of importing the handler's module, in milliseconds."""
    return _processor_ms_of(package, site, "import app") - _processor_ms_of(package, site, "pass")


def _processor_ms_of(package: Path, site: Path, code: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    python(package, site, "-c", code)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) * 1000


def python(package: Path, site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the package and the runtime's own packages in sight, and nothing else."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{package}{os.pathsep}{site}",
        "LAMBDA_TASK_ROOT": str(package),
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    command = [sys.executable, "-S", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)


def size_mib(package: Path, folder: Path) -> tuple[float, float]:
    """Return the size of the package as the archive that is uploaded, and unpacked without bytecode."""
    files = [file for file in package.rglob("*") if file.is_file() and file.suffix != ".pyc"]
    archive = folder / f"{package.name}.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writing:
        for file in files:
            writing.write(file, file.relative_to(package))
    return archive.stat().st_size / 2**20, sum(file.stat().st_size for file in files) / 2**20


def main() -> int:
    """Measure, print, and say by the exit status whether every figure is within its limit."""
    within = True
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        site = runtime(folder)
        packages = {function: build(function, folder) for function in FUNCTIONS}
        rounds = [
            {name: (import_ms(package, site), processor_ms(package, site)) for name, package in packages.items()}
            for _ in range(ROUNDS + 1)
        ]
        for name, package in packages.items():
            times, busy = zip(*(one[name] for one in rounds[1:]), strict=True)  # the first round also reads the disk
            zipped, unpacked = size_mib(package, folder)
            median, processor = statistics.median(times), statistics.median(busy)
            within = within and min(median, processor) < LIMIT_MS and zipped < LIMIT_MIB
            figures = {
                "zip_mib": zipped,
                "unpacked_mib": unpacked,
                "import_ms": median,
                "fastest_ms": min(times),
                "processor_ms": processor,
            }
            line = {
                "bench": "lambda_import",
                "function": name,
                **{key: round(value, 1) for key, value in figures.items()},
            }
            print(json.dumps({**line, "limit_ms": LIMIT_MS, "limit_zip_mib": LIMIT_MIB}), flush=True)
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
