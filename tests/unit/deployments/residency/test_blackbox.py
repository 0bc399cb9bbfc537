"""Processes that really die, and what is read from what they leave."""

import subprocess
import sys
from pathlib import Path

import pytest

from deployments.residency.blackbox import BlackBox
from deployments.residency.wrecks import (
    LOADING,
    NOTHING,
    RECORD,
    RUNNING,
    STUCK,
    suspects,
)
from tests.dying import GOOD, POISON

ROOT = Path(__file__).parents[4]
A, B = bytes.fromhex(POISON), bytes.fromhex(GOOD)


class Replica:
    """Another process of this node."""

    def __init__(self, folder, how):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.dying", str(folder), how],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdin
        assert self.process.stdout
        self.ears, self.mouth = self.process.stdout, self.process.stdin

    def hear(self):
        return self.ears.readline().strip()

    def say(self):
        self.mouth.write("\n")
        self.mouth.flush()

    def die(self):
        self.process.kill()
        self.process.wait(timeout=60)


@pytest.fixture
def start(tmp_path):
    started = []

    def begin(how):
        started.append(Replica(tmp_path, how))
        return started[-1]

    yield begin
    for replica in started:
        replica.die()
        replica.mouth.close()
        replica.ears.close()


@pytest.fixture
def box(tmp_path):
    box = BlackBox(tmp_path)
    yield box
    box.close()


def test_kill_during_a_load_is_held_against_the_model(start, box):
    replica = start("loading")
    assert replica.hear() == "at it"
    assert box.crashes(POISON) == 0

    replica.die()

    assert box.crashes(POISON) == 1
    assert box.crashes(POISON) == 1


def test_deaths_add_up_until_the_model_did_well(start, box):
    for _ in range(2):
        replica = start("loading")
        replica.hear()
        replica.die()
    assert box.crashes(POISON) == 2

    box.forgive(POISON)

    assert box.crashes(POISON) == 0


def test_native_abort_is_held_against_the_model_of_its_thread_only(start, box):
    replica = start("aborting")

    replica.process.wait(timeout=60)

    assert box.crashes(POISON) == 1
    assert box.crashes(GOOD) == 0


def test_somebody_elses_kill_is_not_held_against_a_model_that_ran(start, box):
    replica = start("running")
    assert [replica.hear(), replica.hear()] == ["at it", "at it"]

    replica.die()

    assert (box.crashes(POISON), box.crashes(GOOD)) == (0, 0)


def test_kill_of_a_wedged_replica_is_held_against_what_did_not_end(start, box):
    replica = start("stuck")
    assert replica.hear() == "at it"
    replica.say()
    assert replica.hear() == "accused"

    replica.die()

    assert box.crashes(POISON) == 1


def test_process_that_ends_well_leaves_nothing(start, box, tmp_path):
    replica = start("well")

    replica.process.wait(timeout=60)

    assert len(list(tmp_path.glob("*.box"))) == 1


def test_unreadable_count_starts_anew(box, tmp_path):
    (tmp_path / "crashes.json").write_text("{torn")

    assert box.crashes(POISON) == 0


def record(digest, phase, thread=7):
    return RECORD.pack(digest, phase, thread)


def blamed(records, crash=""):
    return [s.digest for s in suspects(b"".join(records), crash)]


def test_only_loads_and_stuck_runs_are_suspect_without_a_fatal_signal():
    records = [record(A, RUNNING), record(B, NOTHING)]

    assert blamed(records) == []
    assert blamed([*records, record(B, LOADING)]) == [GOOD]
    assert blamed([record(A, STUCK), record(B, RUNNING)]) == [POISON]


def test_signal_in_a_thread_that_is_not_known_makes_all_suspect():
    records = [record(A, RUNNING, 7), record(B, RUNNING, 8)]

    crash = "Fatal Python error: Aborted\n\nCurrent thread 0x0000000000000009 (most"

    assert blamed(records, crash) == [POISON, GOOD]
    assert blamed(records, crash.replace("9", "8")) == [GOOD]


def test_torn_box_is_read_as_far_as_it_goes():
    torn = record(A, LOADING) + record(B, LOADING)[:20]

    assert blamed([torn]) == [POISON]
