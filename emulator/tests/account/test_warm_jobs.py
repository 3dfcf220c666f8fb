"""A job that is forked from a warm process is what it would be as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ministack_sagemaker.directories import DIRECTORY_VARIABLE
from ministack_sagemaker.sagemaker_pipelines import warm_python
from ministack_sagemaker.sagemaker_pipelines.warm_python import ForkedProcess

SCRIPTS = {
    "tells all it knows": """
        import os, sys, tempfile
        import neighbour
        print(sys.argv, sorted(os.environ.items()), os.getcwd(), __name__, __file__, sys.path, tempfile.gettempdir())
        print(neighbour.TEXT, sys.stdin.read(), os.getpid() == os.getpgid(0), __spec__, __package__, file=sys.stderr)
    """,
    "raises": """
        def fail():
            raise ValueError("no such thing")
        try:
            fail()
        except ValueError as error:
            raise RuntimeError("failed") from error
    """,
    "not Python": "print('a'\n1 +",
    "exits with a code": "import sys; sys.exit(7)",
    "exits with a sentence": "import sys; sys.exit('It failed.')",
    "exits at once": "import os; os._exit(5)",
    "is killed": "import os, signal; print('last words', flush=True); os.kill(os.getpid(), signal.SIGKILL)",
    "works on after its end": """
        import atexit, threading, time
        atexit.register(print, "at exit")
        threading.Thread(target=lambda: (time.sleep(0.1), print("thread"))).start()
        print("end")
    """,
    "has workers": """
        import multiprocessing
        def square(number):
            return number * number
        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(2) as pool:
                print(pool.map(square, range(4)))
    """,
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path / "account"))
    monkeypatch.setenv(warm_python.SWITCH, "true")
    (tmp_path / "neighbour.py").write_text("TEXT = 'beside the script'")
    return tmp_path


def command_of(folder: Path, text: str) -> tuple[list[str], dict[str, str]]:
    script = folder / "run_it.py"
    script.write_text(textwrap.dedent(text))
    environment = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", "WORD": "a word", "TMPDIR": str(folder)}
    return [sys.executable, str(script), "--word", "two words"], environment


def outcome(process: subprocess.Popen[str] | ForkedProcess) -> tuple[int, str]:
    assert process.stdout is not None
    with process.stdout as output:
        printed = output.read()
    return process.wait(30), printed


@pytest.mark.parametrize("kind", SCRIPTS)
def test_a_forked_job_prints_and_ends_as_a_process_of_its_own_does(folder: Path, kind: str) -> None:
    command, environment = command_of(folder, SCRIPTS[kind])
    alone = subprocess.Popen(
        command,
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    )
    expected = outcome(alone)
    for _ in range(2):  # the second meets the modules that the first has left imported
        forked = warm_python.start(command, environment, folder)
        assert forked is not None
        assert outcome(forked) == expected


def test_jobs_of_one_process_share_what_they_import_but_nothing_else(folder: Path) -> None:
    (folder / "neighbour.py").write_text("import os\nIMPORTED_BY = os.getpid()\nSEEN = []")
    command, environment = command_of(
        folder,
        "import neighbour, os; neighbour.SEEN.append(os.environ['WORD']); print(neighbour.SEEN, neighbour.IMPORTED_BY)",
    )
    printed = []
    for word in ("one", "two", "three"):
        forked = warm_python.start(command, environment | {"WORD": word}, folder)
        assert forked is not None
        printed.append(outcome(forked)[1].split())
    assert [seen for seen, _ in printed] == ["['one']", "['two']", "['three']"]
    assert printed[1][1] == printed[2][1] != printed[0][1]


def test_a_job_whose_warm_process_is_lost_ends_and_the_next_one_starts(folder: Path) -> None:
    command, environment = command_of(folder, "import os, time; print(os.getppid(), flush=True); time.sleep(600)")
    waiting = warm_python.start(command, environment, folder)
    assert waiting is not None
    os.kill(int(waiting.stdout.readline()), signal.SIGKILL)
    assert waiting.wait(30) == -signal.SIGKILL
    assert waiting.stdout.read() == ""  # which ends when the job does, not after its ten minutes
    command, environment = command_of(folder, "print('here')")
    following = warm_python.start(command, environment, folder)
    assert following is not None
    assert outcome(following) == (0, "here\n")


def test_another_program_is_not_forked(folder: Path) -> None:
    assert warm_python.start(["sh", "-c", "true"], {}, folder) is None
    assert warm_python.start([sys.executable, "-c", "1"], {}, folder) is None


def test_a_service_model_that_a_job_has_loaded_is_there_for_the_next(folder: Path) -> None:
    command, environment = command_of(
        folder,
        """
        import sys
        import botocore.session
        opened = []
        sys.addaudithook(lambda event, arguments: event == "open" and opened.append(str(arguments[0])))
        model = botocore.session.get_session().get_service_model("sts")
        print(model.service_id, any("service-2.json" in path for path in opened))
        """,
    )
    printed = []
    for _ in range(3):  # the first imports botocore, the second tells what it loads
        forked = warm_python.start(command, environment, folder)
        assert forked is not None
        printed.append(outcome(forked))
    assert printed == [(0, "STS True\n"), (0, "STS True\n"), (0, "STS False\n")]
