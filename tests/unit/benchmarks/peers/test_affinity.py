"""Who gets which cores."""

import os

import pytest

from benchmarks.peers.affinity import ours, pinned, split


@pytest.mark.parametrize(
    ("cores", "servers", "client"),
    [({0, 1}, {0}, {1}), ({2, 3, 5, 7}, {2, 3, 5}, {7}), ({4}, {4}, {4})],
)
def test_client_has_a_core_of_its_own_where_there_are_two(cores, servers, client):
    assert split(frozenset(cores), "apart") == (servers, client)


def test_shared_layout_pins_nobody():
    cores = frozenset({0, 1, 2})

    assert split(cores, "shared") == (cores, cores)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux only")
def test_pins_are_gone_when_the_block_is_left():
    before = ours()

    with pinned(frozenset({min(before)})):
        inside = ours()

    assert inside == {min(before)}
    assert ours() == before
