"""Venvs of tools, made with a pip that installs nothing."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from models.environments import STAMP, ToolEnvironment, Tooling
from models.errors import ToolFailed
from tests.fakes_tools import write_fake_pip

ROOT = Path(__file__).parents[3]
MODULE = "tests.fakes_tools"

# Goes as a killed process goes: without a word to anybody.
CALLER = """
import os
from pathlib import Path
from models.environments import ToolEnvironment, Tooling
toy = ToolEnvironment(Tooling("toy", ()), Path({root!r}), lambda step, done, total:
    step == "started" and os._exit(9))
toy.call({module!r}, {request!r})
"""


def environment(root, *requirements, told=None):
    def progress(step, done, total):
        if told is not None:
            told.append((step, done, total))

    pip = write_fake_pip(root)
    return ToolEnvironment(Tooling("toy", requirements), root / "envs", progress, pip)


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return environment(tmp_path_factory.mktemp("home"))


def test_environment_is_made_once_and_tells_what_it_downloads(tmp_path):
    told: list[tuple[str, int, int]] = []
    made = environment(tmp_path, "tool==1", told=told)
    made.make()
    first = list(told)

    made.make()

    assert told == first
    assert told == [
        ("environment toy", 0, 0),
        ("environment toy: tool-1-py3-none-any.whl", 512, 2048),
        ("environment toy: tool-1-py3-none-any.whl", 2048, 2048),
        ("environment toy", 1, 1),
    ]
    assert made.versions() == {}


def test_other_pins_are_another_environment(tmp_path):
    folders = {environment(tmp_path, f"tool=={n}").folder for n in (1, 2)}

    assert len(folders) == 2


def test_what_cannot_be_installed_is_named_and_not_taken_for_whole(tmp_path):
    broken = environment(tmp_path, "broken==1")

    with pytest.raises(ToolFailed) as failed:
        broken.make()

    assert str(failed.value) == (
        "toy: installing it failed: "
        "Could not find a version that satisfies the requirement broken==1"
    )
    assert not broken.is_made


def test_half_an_environment_is_made_anew(tmp_path):
    cut_off = environment(tmp_path)
    (cut_off.folder / "bin").mkdir(parents=True)
    (cut_off.folder / "bin" / "python").write_text("half")

    cut_off.make()

    assert cut_off.call(MODULE, {"do": "see", "name": "NOTHING"}) is None


def test_two_that_make_the_same_environment_wait_for_each_other(tmp_path):
    told: list[tuple[str, int, int]] = []
    twins = [environment(tmp_path, told=told) for _ in range(2)]
    threads = [threading.Thread(target=twin.make) for twin in twins]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert told == [("environment toy", 0, 0), ("environment toy", 1, 1)]


def test_call_answers_from_inside_and_passes_progress(tmp_path):
    told: list[tuple[str, int, int]] = []
    toy = environment(tmp_path, told=told)
    toy.make()
    told.clear()

    answered = toy.call(MODULE, {"do": "echo", "n": [1, None]})

    assert answered["got"] == {"do": "echo", "n": [1, None]}
    assert Path(answered["prefix"]) == toy.folder
    assert told == [("count", 1, 2), ("count", 2, 2)]


def test_packages_of_this_side_are_not_seen_inside(toy):
    with pytest.raises(ToolFailed, match="No module named 'pydantic'"):
        toy.call(MODULE, {"do": "borrow"})


def test_variables_reach_the_call(toy):
    request = {"do": "see", "name": "THREADS"}

    assert toy.call(MODULE, request, variables={"THREADS": "3"}) == "3"


def test_error_inside_is_an_error_here(toy):
    with pytest.raises(ToolFailed) as failed:
        toy.call(MODULE, {"do": "refuse"})

    assert str(failed.value) == f"toy: {MODULE} failed: a word too many"


def test_native_abort_takes_the_process_and_leaves_a_message(toy):
    with pytest.raises(ToolFailed) as failed:
        toy.call(MODULE, {"do": "abort"})

    assert failed.value.reason == (
        "the process ended with SIGABRT: native: assertion failed in line 7"
    )


def test_call_that_takes_too_long_is_ended(toy):
    with pytest.raises(ToolFailed, match=r"took more than 0\.5 s"):
        toy.call(MODULE, {"do": "hang"}, timeout_s=0.5)


def test_call_that_is_given_up_ends_with_its_children(tmp_path):
    def give_up(step, done, total):
        if step == "started":
            raise KeyboardInterrupt

    toy = ToolEnvironment(Tooling("toy", ()), tmp_path, give_up)
    pid_file = tmp_path / "pid"

    with pytest.raises(KeyboardInterrupt):
        toy.call(MODULE, {"do": "leave_a_child", "file": str(pid_file)})

    assert _ends(int(pid_file.read_text()))


def test_call_ends_when_its_caller_is_killed(toy, tmp_path):
    pid_file = tmp_path / "pid"
    request = {"do": "leave_a_child", "file": str(pid_file)}

    code = CALLER.format(root=str(toy.folder.parent), module=MODULE, request=request)
    caller = subprocess.run([sys.executable, "-c", code], cwd=ROOT)

    assert caller.returncode == 9
    assert _ends(int(pid_file.read_text()))


def test_stamp_says_what_was_asked_for(tmp_path):
    made = environment(tmp_path, "tool==1")
    made.make()

    said = json.loads((made.folder / STAMP).read_text())

    assert said == {"requirements": ["tool==1"], "versions": {}}


def _ends(pid: int) -> bool:
    try:
        psutil.Process(pid).wait(timeout=20)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return False
    return True
