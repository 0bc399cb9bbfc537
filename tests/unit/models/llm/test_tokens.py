"""Windows and questions from token ids."""

import pytest

from models.llm.workers.tokens import questions, windows


def test_windows_lie_evenly_over_the_text():
    assert windows(range(20), 4, 3) == [[0, 1, 2, 3], [4, 5, 6, 7], [12, 13, 14, 15]]


def test_windows_are_as_many_as_there_are():
    assert len(windows(range(11), 4, 99)) == 2


def test_text_shorter_than_a_window_is_refused_with_both_numbers():
    with pytest.raises(ValueError, match="has 3 tokens, one window needs 4"):
        windows(range(3), 4, 1)


def test_first_choice_of_a_question_is_the_window_itself():
    found = windows(range(40), 4, 10)

    asked = questions(found, 2, 4, seed=0)

    assert [one[0] for one in asked] == found


def test_every_choice_begins_alike_and_ends_differently():
    asked = questions(windows(range(40), 4, 10), 2, 4, seed=0)

    assert all(len({tuple(choice[:2]) for choice in one}) == 1 for one in asked)
    assert all(len({tuple(choice[2:]) for choice in one}) == 4 for one in asked)


def test_questions_depend_on_the_seed_alone():
    found = windows(range(40), 4, 10)

    assert questions(found, 2, 3, seed=5) == questions(found, 2, 3, seed=5)
