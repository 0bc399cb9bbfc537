"""The desired state is never lost to a writer who did not know the newest."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.catalogue import load_catalogue
from deployments.blueprint import draw
from deployments.repository.board import KEEP, Board, mark_of
from deployments.repository.desired import Desired, decode, encode
from tests.fakes_control import MemoryKeys
from tests.tiny_models import build_tiny_store, make_tiny_catalogue


def without(board: Board, pipeline: str) -> Desired:
    before = board.read()
    return before.without_pipeline(pipeline).next(before)


def confirm(is_newest: bool) -> None:
    assert is_newest


def test_nothing_is_desired_at_first():
    board = Board(MemoryKeys(), "here")

    assert (board.revision(), board.read()) == (0, Desired())


def test_what_was_written_is_read_by_others():
    keys = MemoryKeys()

    assert Board(keys, "here").write(without(Board(keys, "here"), "tiny"))

    assert Board(keys, "here").read() == Desired(1, {}, frozenset({"tiny"}))
    assert Board(keys, "elsewhere").read() == Desired()


def test_second_of_two_writers_is_told_and_changes_nothing():
    keys = MemoryKeys()
    board = Board(keys, "here")
    mine, theirs = without(board, "mine"), without(board, "theirs")
    keys.before_add = lambda: confirm(board.write(theirs))

    assert not board.write(mine)
    assert board.read().withdrawn == {"theirs"}


@pytest.mark.parametrize("slept_from", [0, 1, 2, 7])
def test_writer_that_slept_through_many_revisions_is_told(slept_from):
    board = Board(MemoryKeys(), "here")
    for n in range(slept_from):
        assert board.write(without(board, f"before-{n}"))
    late = without(board, "late")
    for n in range(3 * KEEP):
        assert board.write(without(board, f"meanwhile-{n}"))

    assert not board.write(late)

    assert "late" not in board.read().withdrawn
    assert board.revision() == slept_from + 3 * KEEP


def test_old_revisions_are_forgotten():
    keys = MemoryKeys()
    board = Board(keys, "here")
    for n in range(3 * KEEP):
        board.write(without(board, str(n)))

    revisions = sorted(int(name.split("/")[1]) for name in keys.kept)

    assert revisions == [*range(2 * KEEP + 1, 3 * KEEP + 1)]


def test_reader_takes_the_next_when_a_revision_goes_under_its_hands():
    class Shifting(MemoryKeys):
        gone: int | None = 1

        def get(self, name):
            if self.gone is not None and name.endswith(f"/{self.gone}"):
                self.gone = None
                assert board.write(second)
                return None
            return super().get(name)

    keys = Shifting()
    board = Board(keys, "here")
    first = Desired(1, {}, frozenset({"one"}))
    second = Desired(2, {}, frozenset({"two"}))
    board.write(first)

    assert board.read() == second


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60))
def test_every_change_that_was_confirmed_is_in_the_newest_state(turns):
    """Writers that read early and write late, in any order."""
    keys = MemoryKeys()
    board = Board(keys, "here")
    pending: dict[int, Desired] = {}
    confirmed = set()
    for number, writer in enumerate(turns):
        if writer not in pending:
            pending[writer] = without(board, f"{writer}-{number}")
        else:
            late = pending.pop(writer)
            if board.write(late):
                confirmed = {*late.withdrawn}

    assert board.read().withdrawn == confirmed


@pytest.fixture
def blueprint(tmp_path):
    root = make_tiny_catalogue(tmp_path)
    store = build_tiny_store(root, tmp_path / "store")
    return draw(load_catalogue(root), store)


def test_document_comes_back_as_it_went(blueprint):
    wishes = dict(blueprint.wishes)
    wishes["tiny-a"] = replace(wishes["tiny-a"], presence="loaded", serial=3)
    desired = Desired(7, wishes, frozenset({"tiny"}))

    assert decode(encode(desired)) == desired


def test_another_deploy_has_another_mark(blueprint):
    models = {**blueprint.wishes}
    models["tiny-a"] = replace(models["tiny-a"], words={"": 1, "1": 1, "stable": 1})

    assert mark_of(blueprint) == mark_of(replace(blueprint))
    assert mark_of(blueprint) != mark_of(replace(blueprint, wishes=models))
