import numpy as np
import pytest

from deployments.autoscaling import state
from deployments.autoscaling.autoscaler import Autoscaler
from deployments.autoscaling.errors import StateUnreadable
from tests.fakes_autoscaling import Town, spec


@pytest.fixture
def learnt():
    town = Town(Autoscaler())
    town.autoscaler.configure({"a": spec(), "b": spec()})
    town.run(400, lambda second: {"a": 50.0 + second % 7, "b": 3.0})
    return town.autoscaler


@pytest.fixture
def file(tmp_path):
    return tmp_path / "autoscaling.npz"


def twin(names=("a", "b")):
    autoscaler = Autoscaler()
    autoscaler.configure({name: spec() for name in names})
    return autoscaler


def test_what_was_learnt_survives_a_restart(learnt, file):
    state.write(state.snapshot(learnt.memory), file)
    again = twin()

    assert state.resume(again.memory, file) == ["a", "b"]

    before = learnt.memory.forecaster.mean.weights
    assert np.allclose(again.memory.forecaster.mean.weights, before, rtol=1e-5)


def test_rows_are_found_by_name_whatever_their_order(learnt, file):
    state.write(state.snapshot(learnt.memory), file)
    again = twin(("b", "a"))

    state.resume(again.memory, file)

    scale, before = again.memory.forecaster.pace.scale, learnt.memory.forecaster.pace
    assert np.allclose(scale[::-1], before.scale, rtol=1e-5)


def test_deployment_that_comes_later_finds_what_was_stored(learnt, file):
    state.write(state.snapshot(learnt.memory), file)
    again = twin(("a",))
    state.resume(again.memory, file)

    again.configure({"a": spec(), "b": spec()})

    assert again.memory.forecaster.pace.lessons[1] > 0


def test_missing_state_is_a_fresh_start(file):
    assert state.resume(twin().memory, file) == []


@pytest.mark.parametrize("damage", [b"", b"not a state", b"PK\x03\x04 cut"])
def test_damaged_state_is_left_with_a_warning(damage, file, caplog):
    file.write_bytes(damage)
    again = twin()

    assert state.resume(again.memory, file) == []
    assert "without what it had learnt" in caplog.text


def test_every_truncated_state_is_left_with_a_warning(learnt, file, caplog):
    state.write(state.snapshot(learnt.memory), file)
    whole = file.read_bytes()

    for part in (0.1, 0.5, 0.9, 0.999):
        file.write_bytes(whole[: int(len(whole) * part)])
        assert state.resume(twin().memory, file) == []


def test_state_of_another_version_is_refused(learnt, file, monkeypatch):
    monkeypatch.setattr(state, "VERSION", 99)
    state.write(state.snapshot(learnt.memory), file)
    monkeypatch.undo()

    with pytest.raises(StateUnreadable, match="version must be 2, got 99"):
        state.read(file)


def test_row_with_what_is_no_number_starts_anew(learnt, file, caplog):
    learnt.memory.forecaster.mean.weights[0, 0] = np.nan
    state.write(state.snapshot(learnt.memory), file)
    again = twin()

    assert state.resume(again.memory, file) == ["b"]
    assert "autoscaling of a starts anew" in caplog.text
    assert np.isfinite(again.memory.forecaster.mean.weights).all()


def test_failed_write_leaves_the_old_state(learnt, file):
    state.write(state.snapshot(learnt.memory), file)
    before = file.read_bytes()

    with pytest.raises(ValueError, match="pickle"):
        state.write({"bad": np.array([object()])}, file)

    assert (file.read_bytes(), len(list(file.parent.iterdir()))) == (before, 1)
