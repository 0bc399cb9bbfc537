"""The first connected part, as TensorFlow Lite's delegates divide a graph."""

import pytest

from edge.readiness.parts import first_part
from models.litert.reading import read
from tests.tiny_lite import LiteFile


def graph(*ends):
    """One RELU for each (input, output) of tensor numbers; 0 is the file's input."""
    file = LiteFile()
    last = max(output for _, output in ends)
    tensors = [file.tensor((1, 8), "INT8", None, [0.1], [0]) for _ in range(last + 1)]
    for given, output in ends:
        file.op("RELU", [tensors[given]], [tensors[output]])
    return read(file.content([tensors[0]], [tensors[-1]]))


CHAIN = graph((0, 1), (1, 2), (2, 3))
FORK = graph((0, 1), (1, 2), (1, 3), (3, 4))


@pytest.mark.parametrize(
    ("whole", "able", "expected"),
    [
        (CHAIN, (True, True, True), {0, 1, 2}),
        (CHAIN, (True, False, True), {0}),
        (CHAIN, (False, True, True), {1, 2}),
        (CHAIN, (False, True, False), {1}),
        (CHAIN, (False, False, False), set()),
        (FORK, (True, False, True, True), {0, 2, 3}),
        (FORK, (True, True, False, True), {0, 1}),
        (FORK, (False, True, True, True), {1, 2, 3}),
    ],
)
def test_first_part_is_what_can_run_before_the_cpu_must(whole, able, expected):
    assert first_part(whole, able) == expected


def test_what_waits_for_itself_is_in_no_part():
    ring = graph((2, 1), (1, 2))

    assert first_part(ring, (True, True)) == frozenset()
