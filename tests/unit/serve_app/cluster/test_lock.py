import os
import subprocess
import sys

import pytest

from configs.environment import Environment
from serve_app.cluster import lock
from serve_app.cluster.errors import Busy

HOLD = """
import sys
from pathlib import Path
from configs.environment import Environment
from serve_app.cluster.lock import held
with held(Environment(home=Path(sys.argv[1])), "up", print):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def environment(tmp_path):
    return Environment(home=tmp_path, start_timeout_s=0.01)


@pytest.fixture
def other(environment):
    """Another process that holds the lock."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, environment.home],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    yield child
    child.kill()
    child.communicate()


def test_second_command_is_told_who_is_at_work(environment, other):
    with (
        pytest.raises(Busy) as refused,
        lock.held(environment, "down", lambda line: None),
    ):
        pass

    assert str(refused.value) == (
        f"`headwater up` (pid {other.pid}) is still at work in {environment.home}; "
        "wait for it or end it, then try again"
    )


def test_second_command_waits_for_the_end_of_the_first(environment, other):
    patient, said = environment.model_copy(update={"start_timeout_s": 60}), list[str]()

    def hear(line):
        said.append(line)
        other.stdin.write(b"end\n")
        other.stdin.flush()

    with lock.held(patient, "down", hear):
        pass

    assert said == [
        f"`headwater up` (pid {other.pid}) is at work in {environment.home}: "
        "waiting for its end"
    ]


def test_killed_command_leaves_no_lock(environment, other):
    other.kill()
    other.wait()

    with lock.held(environment, "up", lambda line: None):
        written = (environment.run / "lock").read_text()

    assert written == f"`headwater up` (pid {os.getpid()})"


def test_lock_is_free_after_an_error(environment):
    with (
        pytest.raises(ZeroDivisionError),
        lock.held(environment, "up", lambda line: None),
    ):
        raise ZeroDivisionError

    with lock.held(environment, "up", lambda line: None):
        pass
