"""Jobs one after the other: which run after a failure, what is reported, and that a stop reaches them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndr.contract.fifteen_minutes import BATCH_JOBS, BatchJob
from ndr.contract.jobspecs.item import JOBS
from ndr.jobs.sequence import ScriptProcess, exit_code, run_in_sequence
from ndr.spark.cluster import CONNECT_SECONDS_VARIABLE
from ndr.spark.coordinator import PORT, PORT_VARIABLE

DELTAS, FG_A, PAIRS = BATCH_JOBS


def ran(failing: set[str], jobs: tuple[BatchJob, ...] = BATCH_JOBS) -> tuple[list[str], dict[str, str]]:
    """Return the jobs that were run, and the failures, when some fail."""
    started: list[str] = []

    def run(job: BatchJob) -> str | None:
        started.append(job.job)
        return f"{job.job} broke" if job.job in failing else None

    return started, run_in_sequence(jobs, run)


@pytest.mark.parametrize(
    ("failing", "started"),
    [
        (set(), ["delta_builder", "fg_a_builder", "pair_counts_builder"]),
        ({"delta_builder"}, ["delta_builder"]),
        ({"fg_a_builder"}, ["delta_builder", "fg_a_builder", "pair_counts_builder"]),
        ({"pair_counts_builder"}, ["delta_builder", "fg_a_builder", "pair_counts_builder"]),
    ],
)
def test_a_failure_stops_what_reads_its_output_and_nothing_else(failing: set[str], started: list[str]) -> None:
    assert ran(failing) == (started, {job: f"{job} broke" for job in failing})


@given(st.data())
def test_a_job_runs_if_and_only_if_all_that_it_builds_on_succeeded(data: st.DataObject) -> None:
    jobs: list[BatchJob] = []
    for job in JOBS:
        after = data.draw(st.sets(st.sampled_from([each.job for each in jobs]))) if jobs else set()
        jobs.append(BatchJob(job, "", "", tuple(after)))
    failing = data.draw(st.sets(st.sampled_from([str(job) for job in JOBS])))
    started, failures = ran(failing, tuple(jobs))

    def builds_on(job: BatchJob) -> set[str]:
        below = [each for each in jobs if each.job in job.after]
        return {each.job for each in below}.union(*(builds_on(each) for each in below))

    assert started == [each.job for each in jobs if not builds_on(each) & failing]
    assert set(failures) == failing & set(started)


def test_every_job_comes_after_those_that_it_waits_for() -> None:
    for number, each in enumerate(BATCH_JOBS):
        assert set(each.after) <= {earlier.job for earlier in BATCH_JOBS[:number]}


@pytest.fixture
def opt_ml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NDR_OPT_ML", str(tmp_path))
    (tmp_path / "output").mkdir()
    return tmp_path


def script(opt_ml: Path, text: str) -> ScriptProcess:
    (opt_ml / FG_A.script).write_text(f"import os, signal, sys\nfrom pathlib import Path\n{text}\n")
    return ScriptProcess(opt_ml, ["--project-name", "p"])


def test_a_job_gets_the_command_line_and_says_why_it_failed(opt_ml: Path) -> None:
    run = script(opt_ml, "sys.exit(0 if sys.argv[1:] == ['--project-name', 'p'] else 1)")
    assert run(FG_A) is None
    message = "Path(os.environ['NDR_OPT_ML'], 'output/message').write_text('EmptyResultError: no rows.')"
    assert script(opt_ml, f"{message}; sys.exit(1)")(FG_A) == "EmptyResultError: no rows."


def test_the_instances_of_each_job_meet_at_a_port_of_its_own(opt_ml: Path) -> None:
    names = (PORT_VARIABLE, CONNECT_SECONDS_VARIABLE)
    noting = f"Path(sys.argv[0] + '.env').write_text(' '.join(os.environ.get(name, '-') for name in {names}))"
    for each in BATCH_JOBS:
        (opt_ml / each.script).write_text(f"import os, sys\nfrom pathlib import Path\n{noting}\n")
        assert ScriptProcess(opt_ml, [])(each) is None
    found = [(opt_ml / f"{each.script}.env").read_text().split() for each in BATCH_JOBS]
    assert [port for port, _ in found] == [str(PORT + place) for place in range(len(BATCH_JOBS))]
    assert [seconds for _, seconds in found] == ["-", "86400.0", "86400.0"]  # the first job waits as long as usual


def test_a_job_that_was_killed_or_said_nothing_has_a_reason_too(opt_ml: Path) -> None:
    (opt_ml / "output/message").write_text("the reason of the job before")
    killed = script(opt_ml, "os.kill(os.getpid(), signal.SIGKILL)")
    assert killed(FG_A) == "ended by SIGKILL, which is most often for lack of memory"
    assert script(opt_ml, "sys.exit(3)")(FG_A) == "exit code 3; its log has the reason"


def test_the_message_names_each_job_that_failed_within_sagemakers_limit(opt_ml: Path) -> None:
    assert exit_code({}) == 0
    assert not (opt_ml / "output/message").exists()
    assert exit_code({"fg_a_builder": "a" * 2000, "pair_counts_builder": "b" * 2000}) == 1
    message = (opt_ml / "output/message").read_text()
    assert message.startswith("fg_a_builder: aaa")
    assert " pair_counts_builder: bbb" in message
    assert len(message) <= 1024


def test_a_stop_ends_the_job_that_runs(opt_ml: Path) -> None:
    script(opt_ml, "print(os.getpid(), flush=True); signal.pause()")
    parent = (
        "import sys; from pathlib import Path; from ndr.contract.fifteen_minutes import BATCH_JOBS; "
        f"from ndr.jobs.sequence import ScriptProcess; ScriptProcess(Path({str(opt_ml)!r}), [])(BATCH_JOBS[1])"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        job = int(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == ""  # the job has closed its end: it is gone
        assert process.wait() == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(job, 0)
