"""Deploy a SAM template into the account, with the real `sam build` and `sam deploy`."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from ministack_sagemaker.built_templates import built_template
from ministack_sagemaker.errors import AccountError
from ministack_sagemaker.image_function import without_images
from ministack_sagemaker.lifecycle import Account

_BUCKET_PREFIX = "sam-artifacts"
_CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")


def deploy(
    account: Account, template: Path, stack_name: str, parameters: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Build and deploy a template.

    Parameters
    ----------
    account
        A running account.
    template
        The template. Relative paths in it are relative to its folder.
    stack_name
        The CloudFormation stack, created or updated.
    parameters
        Template parameters that differ from their defaults.

    Returns
    -------
    dict
        The stack's outputs.

    Raises
    ------
    AccountError
        The template does not exist or has an image function that cannot run here; SAM is not installed; or one of its
        commands failed, in which case the message ends with what it printed.
    """
    if not template.is_file():
        raise AccountError(f"{template} does not exist. Name a SAM template.")
    template = template.resolve()
    log = account.directory / "deploy.log"
    built = build(template, log)
    bucket = f"{_BUCKET_PREFIX}-{account.account_id}"
    account.client("s3").create_bucket(Bucket=bucket)
    # SAM passes over an override without a value: an empty one is a pair of quotes.
    overrides = [
        f"ParameterKey={name},ParameterValue={value or chr(34) * 2}" for name, value in (parameters or {}).items()
    ]
    _sam(
        template.parent,
        log,
        account.environment(),
        *("deploy", "--template-file", str(built / "template.yaml"), "--stack-name", stack_name),
        *("--s3-bucket", bucket, "--region", account.region, "--capabilities", *_CAPABILITIES),
        *("--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"),
        *(["--parameter-overrides", *overrides] if overrides else []),
    )
    (stack,) = account.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def build(template: Path, log: Path) -> Path:
    """Build a template, unless what was built of the same sources is kept; a build under way is waited for.

    Parameters
    ----------
    template
        The template.
    log
        File to which the output of SAM is appended.

    Returns
    -------
    Path
        The folder with the built template.

    Raises
    ------
    AccountError
        SAM is not installed, or the build failed.
    """

    def build_anew(work: Path) -> None:
        # Without --cached: it compares the folder of a function, and its Makefile copies files from other folders.
        adapted, target = _adapted(template, work), work / "build"
        options = ("--template-file", str(adapted), "--build-dir", str(target), "--parallel")
        _sam(template.parent, log, {}, "build", *options)

    return built_template(template, f"{sys.version} {_function_runtime()}", build_anew) / "build"


def sam_path(project: Path) -> Path:
    """Find the SAM command line tool: `$SAM`, the PATH, `.tools` at or above the project or beside the virtual
    environment, `~/.local/bin`.

    Parameters
    ----------
    project
        The folder of the template.

    Raises
    ------
    AccountError
        It was not found.
    """
    candidates = [
        os.environ.get("SAM"),
        shutil.which("sam"),
        *(folder / ".tools" / "sam" / "bin" / "sam" for folder in (project, *project.parents, Path(sys.prefix).parent)),
        Path.home() / ".local" / "bin" / "sam",
    ]
    for candidate in candidates:
        if candidate and Path(candidate).is_file():
            return Path(candidate)
    raise AccountError(
        "The SAM command line tool was not found. Install it as a tool of its own, for example with "
        "`uv tool install aws-sam-cli`, or set SAM to its path."
    )


def _adapted(template: Path, work: Path) -> Path:
    """Write the template without image functions to a folder that links to everything beside the template."""
    source = work / "source"
    source.mkdir(parents=True)
    for neighbour in template.parent.iterdir():
        if neighbour != template and neighbour.name not in (".git", ".aws-sam", "samconfig.toml"):
            (source / neighbour.name).symlink_to(neighbour)
    adapted = source / template.name
    adapted.write_text(without_images(template, work / "image_functions"))
    return adapted


def _sam(project: Path, log: Path, variables: Mapping[str, str], command: str, *arguments: str) -> None:
    environment = {
        **os.environ,
        **variables,
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.2",
        **_function_runtime(),
        # SAM needs a Python of the function's runtime: the one that runs this process.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    ran = subprocess.run(
        [str(sam_path(project)), command, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    with log.open("a") as lines:
        lines.write(f"$ sam {command} {' '.join(arguments)}\n{ran.stdout}\n")
    if ran.returncode != 0:
        raise AccountError(f"`sam {command}` failed:\n{ran.stdout[-4000:]}")


def _function_runtime() -> dict[str, str]:
    """Return the build target for Makefiles of functions: the Python that runs this process."""
    machine = platform.machine()
    return {
        "PYTHON": sys.executable,
        "LAMBDA_PYTHON": f"{sys.version_info.major}.{sys.version_info.minor}",
        "LAMBDA_PLATFORM": f"manylinux2014_{machine}" if sys.platform == "linux" else f"macosx_11_0_{machine}",
    }
