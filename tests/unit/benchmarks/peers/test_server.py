"""A server ends with all that it started."""

import sys

import psutil
import pytest

from benchmarks.peers.server import Launch, Server, ServerFailed

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("started", child.pid, flush=True)
child.wait()
"""


def launch(folder, code):
    return Launch("some", [sys.executable, "-c", code], {}, folder)


def started_pid(server, folder):
    """The child's pid, once the server has told it."""
    while True:
        server.require_running()
        words = (folder / "some.log").read_text().split()
        if len(words) == 2:
            return int(words[1])


def test_nothing_of_a_server_is_left_when_it_ends(tmp_path):
    with Server(launch(tmp_path, PARENT)) as server:
        child = psutil.Process(started_pid(server, tmp_path))
        assert child in server.processes()

    wait_until_gone(child)
    assert server.processes() == []


def test_server_that_ended_tells_what_it_printed_last(tmp_path):
    with Server(launch(tmp_path, "print('port is taken'); raise SystemExit(3)")) as one:
        psutil.wait_procs(one.processes(), 30)

        with pytest.raises(ServerFailed, match="some: ended: port is taken"):
            wait_until_ended(one)


def wait_until_gone(process):
    """Until it has ended, whether or not somebody has asked for its exit code."""
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        pass


def wait_until_ended(server):
    while True:
        server.require_running()
