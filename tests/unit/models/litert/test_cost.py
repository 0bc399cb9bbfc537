"""Multiplications, bytes and the memory of a run."""

from hypothesis import given
from hypothesis import strategies as st

from models.litert.cost import ALIGNMENT, Life, cost, planned
from models.litert.reading import read
from tests.tiny_lite import CHANNELS, CLASSES, SIDE, WIDTH, tiny_int8

LIVES = st.lists(
    st.tuples(st.integers(1, 500), st.integers(0, 9), st.integers(0, 9)).map(
        lambda said: Life(said[0] * ALIGNMENT, min(said[1:]), max(said[1:]))
    ),
    max_size=12,
)


def test_multiplications_are_those_of_convolution_and_full_layer():
    found = cost(read(tiny_int8())).macs

    assert found == SIDE * SIDE * WIDTH * 3 * 3 * CHANNELS + WIDTH * CLASSES


def test_arena_holds_input_and_first_layer_at_once():
    found = cost(read(tiny_int8())).arena_bytes

    assert found >= SIDE * SIDE * (CHANNELS + WIDTH)


def test_tensors_that_never_meet_share_their_place():
    one, other = Life(64, 0, 1), Life(64, 2, 3)

    assert planned((one, other)) == 64


@given(lives=LIVES)
def test_arena_is_at_least_what_lives_at_once_and_at_most_the_sum(lives):
    at_once = [
        sum(life.size_bytes for life in lives if life.first <= step <= life.last)
        for step in range(10)
    ]

    assert max(at_once) <= planned(lives) <= sum(life.size_bytes for life in lives)
