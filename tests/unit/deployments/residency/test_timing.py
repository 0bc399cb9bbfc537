"""What runs take is told once a backend is open and has run."""

import numpy as np
import pytest

from deployments.residency.timing import TURNS, open_timed, run_times


class Slow:
    """A backend on whose own clock a row takes a second, and the first run a minute."""

    def __init__(self):
        self.now_s, self.runs = 0.0, []

    def run(self, inputs):
        rows = len(inputs["rows"])
        self.now_s += 1.0 * rows if rows in self.runs else 60.0
        self.runs.append(rows)
        return {}

    def clock(self):
        return self.now_s


BATCHES = {rows: {"rows": np.zeros((rows, 1))} for rows in (1, 8)}


def test_first_run_of_a_size_does_not_count():
    backend = Slow()

    assert run_times(backend, BATCHES, backend.clock) == {1: 1.0, 8: 8.0}


class Pupil:
    """A learner; `told` is what it was told."""

    def __init__(self, has_run):
        self.has_run, self.told = has_run, []

    def timed(self, run_s):
        self.told.append(run_s)


def test_times_are_told_after_the_backend_is_open():
    backend, pupil = Slow(), Pupil(has_run=False)

    opened = open_timed(lambda full: backend, lambda: BATCHES, pupil, full=True)

    assert opened is backend
    assert [sorted(times) for times in pupil.told] == [[1, 8]]
    assert backend.runs == [1] * (1 + TURNS) + [8] * (1 + TURNS)


@pytest.mark.parametrize(
    ("has_run", "full"),
    [(True, True), (False, False)],
    ids=["runs of its own have told", "the load is to be short"],
)
def test_reload_is_not_timed(has_run, full):
    backend, pupil = Slow(), Pupil(has_run)

    assert open_timed(lambda full: backend, lambda: BATCHES, pupil, full) is backend

    assert (backend.runs, pupil.told) == ([], [])
