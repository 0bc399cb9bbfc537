import os
import signal
import subprocess
import sys

import psutil
import pytest

from serve_app.cluster import processes
from serve_app.cluster.state import ProcessMark

STUBBORN = """
import signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
sys.stdin.read()
"""


class Immortal(psutil.Process):
    """Hears signals and stays, as a process that waits for a lost disk does."""

    def __init__(self, pid):
        super().__init__(pid)
        self.signals = []

    def send_signal(self, sig):
        self.signals.append(sig)


@pytest.fixture
def spawn():
    children = []

    def start(run_id, code="print('ready', flush=True); input()"):
        child = subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, "HEADWATER_RUN_ID": run_id},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()
        child.communicate()


def test_only_processes_of_the_run_are_found(spawn):
    ours, _ = spawn("run-of-a-test"), spawn("run-of-another")

    assert [found.pid for found in processes.of_run("run-of-a-test")] == [ours.pid]


def test_ended_processes_are_gone(spawn):
    spawn("run-to-end")

    processes.end(processes.of_run("run-to-end"))

    assert processes.of_run("run-to-end") == []


def test_process_that_ignores_the_polite_signal_is_killed(spawn, monkeypatch):
    monkeypatch.setattr(processes, "TERMINATE_S", 0.1)
    spawn("run-of-a-stubborn-one", STUBBORN)

    processes.end(processes.of_run("run-of-a-stubborn-one"))

    assert processes.of_run("run-of-a-stubborn-one") == []


def test_processes_are_ended_until_none_is_found(spawn):
    first, second = spawn("run-of-the-first"), spawn("run-of-the-second")
    found = [[psutil.Process(first.pid)], [psutil.Process(second.pid)], []]

    assert processes.end_all(lambda: found.pop(0)) == []
    assert processes.of_run("run-of-the-first") == []
    assert processes.of_run("run-of-the-second") == []


def test_what_outlives_the_limit_is_returned(monkeypatch):
    monkeypatch.setattr(processes, "TERMINATE_S", 0.01)
    monkeypatch.setattr(processes, "KILL_S", 0.01)
    immortal = Immortal(os.getppid())

    assert processes.end_all(lambda: [immortal], limit_s=0) == [immortal]
    assert immortal.signals == [signal.SIGTERM, signal.SIGKILL]


def test_processes_have_names_in_sentences():
    assert processes.named(os.getpid()).endswith(f" (pid {os.getpid()})")
    assert processes.named(2**22 + 1) == f"pid {2**22 + 1}"


def test_running_process_is_alive():
    assert processes.alive(processes.mark(os.getpid()))


def test_later_process_with_the_same_number_is_another():
    now = processes.mark(os.getpid())

    assert not processes.alive(ProcessMark(pid=now.pid, created=now.created - 60))


def test_missing_process_is_not_alive():
    assert not processes.alive(ProcessMark(pid=2**22 + 1, created=0.0))


def test_ending_nothing_is_fine():
    processes.end([])
