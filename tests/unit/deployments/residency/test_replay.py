"""Who leaves, on traces; the same numbers on every machine."""

from dataclasses import replace

import pytest

from benchmarks.residency import RULES, outcomes
from benchmarks.residency_traffic import TRAFFICS
from deployments.residency.replay import Asked, Belady, Lru, Model, Worth, replay

ONE = {key: Model(1, 1.0) for key in "abc"}


def asked(keys):
    return [Asked(float(at), key) for at, key in enumerate(keys)]


def test_model_that_is_here_is_a_hit():
    told = replay(asked("aab"), ONE, 2, Lru())

    assert (told.requests, told.hits, told.load_s) == (3, 1, 2.0)


def test_lru_evicts_what_was_used_before_everything_else():
    assert replay(asked("abca"), ONE, 2, Lru()).hits == 0
    assert replay(asked("abcb"), ONE, 2, Lru()).hits == 1


def test_belady_keeps_what_is_asked_next():
    trace = asked("abcacb")

    assert replay(trace, ONE, 2, Belady(trace)).hits == 2


def test_worth_keeps_what_is_asked_often():
    assert replay(asked("aaabcbca"), ONE, 2, Worth()).hits > 2


@pytest.mark.parametrize("mixed", [False, True], ids=["equal", "mixed"])
@pytest.mark.parametrize("traffic", TRAFFICS, ids=lambda traffic: traffic.name)
def test_worth_hits_more_and_loads_less_than_lru(traffic, mixed):
    short = replace(traffic, seconds=traffic.seconds / 2)
    ours, lru, bound = (
        outcomes(short, mixed, RULES[name], seeds=1)
        for name in ("ours", "LRU", "Belady")
    )

    for mine, theirs in zip(ours, lru, strict=True):
        assert mine.hit_rate > theirs.hit_rate
        assert mine.load_s < theirs.load_s
    if not mixed:
        assert all(a.hits <= b.hits for a, b in zip(ours, bound, strict=True))
