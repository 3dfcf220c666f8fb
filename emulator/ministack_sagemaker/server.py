"""The server process of an account: MiniStack with the added services, on 127.0.0.1.

Run as `python -m ministack_sagemaker.server --directory <directory> --port <port>`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from ministack_sagemaker import server_lock
from ministack_sagemaker.directories import DIRECTORY_VARIABLE
from ministack_sagemaker.errors import AccountError
from ministack_sagemaker.job_conditions import STARTUP_VARIABLE
from ministack_sagemaker.patches.private_names import check_version

RECORD_NAME = "account.json"
"""The file of a directory in which the server that holds the lock records its settings."""
DEFAULT_ACCOUNT_ID = "123456789012"
DEFAULT_REGION = "us-east-1"


def main(arguments: list[str] | None = None) -> None:
    """Serve until SIGTERM, or until standard input ends when `--end-with-parent` is given."""
    parser = argparse.ArgumentParser(prog="python -m ministack_sagemaker.server", description=__doc__)
    parser.add_argument("--directory", type=Path, required=True, help="where the account keeps its files")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--wait-scale", type=float, default=1.0, help="factor on Wait states and retry intervals")
    parser.add_argument("--job-startup-seconds", type=float, default=0.0, help="start-up time of Processing jobs")
    parser.add_argument("--auth", action="store_true", help="enforce IAM policies")
    parser.add_argument("--end-with-parent", action="store_true", help="end when the starting process does")
    options = parser.parse_args(arguments)
    directory = options.directory.resolve()
    if not server_lock.hold(directory):
        sys.exit(f"Another server runs in {directory}.")
    shutil.rmtree(directory / "state", ignore_errors=True)
    _record(directory, options)
    try:
        check_version()
    except AccountError as error:
        sys.exit(str(error))
    # MiniStack reads its settings when it is imported, so they are set first.
    os.environ.update(_settings(options))
    _serve(options.port, options.end_with_parent)


def _record(directory: Path, options: argparse.Namespace) -> None:
    names = ("port", "wait_scale", "job_startup_seconds", "auth")
    recorded = {"pid": os.getpid(), **{name: getattr(options, name) for name in names}}
    unfinished = directory / f"{RECORD_NAME}.new"
    unfinished.write_text(json.dumps(recorded, indent=2))
    unfinished.replace(directory / RECORD_NAME)  # a reader sees the old record or the new one


def _settings(options: argparse.Namespace) -> dict[str, str]:
    directory = options.directory.resolve()
    temporary = directory / "state" / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    return {
        DIRECTORY_VARIABLE: str(directory),
        "GATEWAY_PORT": str(options.port),
        "MINISTACK_ACCOUNT_ID": DEFAULT_ACCOUNT_ID,
        "MINISTACK_REGION": DEFAULT_REGION,
        "AWS_ACCESS_KEY_ID": DEFAULT_ACCOUNT_ID,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": DEFAULT_REGION,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{options.port}",
        "AWS_EC2_METADATA_DISABLED": "true",
        "SFN_WAIT_SCALE": str(options.wait_scale),
        STARTUP_VARIABLE: str(options.job_startup_seconds),
        "AUTH": str(options.auth).lower(),
        "TMPDIR": str(temporary),
        "STATE_DIR": str(directory / "state" / "ministack"),
        "S3_DATA_DIR": str(directory / "state" / "s3"),
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "INFO"),
    }


def _serve(port: int, end_with_parent: bool) -> None:
    import uvicorn
    import uvloop
    from ministack import app

    from ministack_sagemaker.clock_control import serve_control
    from ministack_sagemaker.registration import register_all

    register_all()
    serve_control()
    # MiniStack's own server, Hypercorn, needs more processor time for a small request. The app adds the date itself.
    config = uvicorn.Config(
        app.app,
        host="127.0.0.1",
        port=port,
        http="httptools",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
        server_header=False,
        date_header=False,
        log_config=None,
        access_log=False,
    )

    server = uvicorn.Server(config)

    def end() -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end())  # uvicorn ends at these itself, and then raises them again
    if end_with_parent:
        _when_input_ends(end)
    threading.Thread(target=_import_ahead, name="import ahead", daemon=True).start()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(server.serve())
    finally:
        _end_children()


def _when_input_ends(act: Callable[[], object]) -> None:
    """Call a function when the pipe from the parent closes, which any end of the parent does."""

    def watch() -> None:
        while sys.stdin.buffer.read(1):
            pass
        act()

    threading.Thread(target=watch, name="parent watch", daemon=True).start()


def _import_ahead() -> None:
    """Import modules of the first deployment in advance, while SAM still builds; the import takes seconds."""
    with contextlib.suppress(ImportError):
        importlib.import_module("samtranslator.translator.transform")
    importlib.import_module("ministack.services.cloudformation.engine")


def _end_children() -> None:
    from ministack.core import lambda_runtime

    from ministack_sagemaker.sagemaker_pipelines.store import stop_jobs

    stop_jobs()
    lambda_runtime.reset()
    sys.stdout.flush()
    # A normal exit would wait for the threads of running executions.
    os._exit(0)


if __name__ == "__main__":
    main()
