"""What holds of every converter: it is there or it is not, and it answers as it should."""

from typing import Any

import numpy as np
import pytest

from edge.importing.refusals import Refused
from edge.importing.workplace import Workplace, hold, only
from models.environments import Tooling

EMPTY = Tooling("empty", ())


def test_tool_that_is_missing_is_not_installed_unasked(tmp_path):
    with pytest.raises(Refused, match="empty is not installed; --convert installs it"):
        Workplace(tmp_path).call(EMPTY, "tests.fakes_edge", {})

    assert list(tmp_path.iterdir()) == []


def test_tool_is_installed_when_asked_and_used_unasked_after_that(tmp_path):
    said = {"echo": 3}

    first = Workplace(tmp_path, installs=True).call(EMPTY, "tests.fakes_echo", said)
    second = Workplace(tmp_path).call(EMPTY, "tests.fakes_echo", said)

    assert first == second == {"echo": 3, "confined": "1"}


@pytest.mark.parametrize(("arithmetic", "most"), [("float32", 1e-3), ("float16", 1e-2)])
def test_answer_may_be_off_by_a_share_of_its_range(arithmetic, most):
    wanted = np.array([[0.0, 10.0]])

    assert hold(arithmetic, wanted, wanted + 9 * most) == pytest.approx(9 * most)
    with pytest.raises(Refused, match="the converted file answers otherwise, by"):
        hold(arithmetic, wanted, wanted + 11 * most)


@pytest.mark.parametrize("found", [np.full((1, 2), np.nan), np.zeros((1, 3))])
def test_what_is_no_number_or_of_another_shape_is_no_answer(found):
    with pytest.raises(Refused, match="answers"):
        hold("float32", np.zeros((1, 2)), found)


def test_inputs_and_answers_are_told_apart_in_one_file(tmp_path):
    arrays: Any = {"input:x": np.zeros(2), "output:y": np.ones(3)}
    np.savez(tmp_path / "golden.npz", **arrays)

    assert only(tmp_path / "golden.npz", "input").shape == (2,)
    assert only(tmp_path / "golden.npz", "output").tolist() == [1, 1, 1]
