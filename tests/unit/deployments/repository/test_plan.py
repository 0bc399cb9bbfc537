"""What a replica does about a wish, and in which order."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.model import ModelSpec
from deployments.editions import Wish, edition
from deployments.repository.plan import Drop, Held, Host, Load, Point, plan
from models.card import FileFact
from tests.stored import a_card


def version(number: int, digest: str = "a"):
    spec = ModelSpec.model_validate(
        {
            "id": "tiny",
            "version": number,
            "title": "Tiny",
            "licence": "Apache-2.0",
            "weights": {"uri": "file:///tiny.onnx", "sha256": "0" * 64},
            "architecture": "onnx",
            "inputs": [{"name": "x", "datatype": "FP32", "shape": [4]}],
            "outputs": [{"name": "y", "datatype": "FP32", "shape": [3]}],
            "variant": "fp32-onnx",
        }
    )
    return edition(
        spec, a_card(spec, "fp32-onnx", FileFact(sha256=digest * 64, size_bytes=9))
    )


ONE, TWO = version(1), version(2)
AGAIN = version(1, "b")


def a_wish(*editions, presence="lazy", serial=0, **aliases):
    words = {str(one.version): one.version for one in editions}
    newest = {"": editions[-1].version} if editions else {}
    return Wish("tiny", editions, {**newest, **words, **aliases}, presence, serial)


def met(wish: Wish, warm: bool = True) -> Held:
    """A replica that did all that `wish` says."""
    keys = {one.version: one.key for one in wish.editions}
    words = {word: keys[number] for word, number in wish.words.items()}
    here = frozenset(keys.values())
    return Held(here, here if warm else frozenset(), words, wish)


def test_rebuilt_variant_of_a_version_is_another_edition():
    assert ONE.key != AGAIN.key
    assert ONE.key.startswith("tiny:1#")


def test_nothing_is_done_about_a_wish_that_was_met():
    assert plan(a_wish(ONE), met(a_wish(ONE))) == []


def test_first_wish_is_hosted_and_left_to_requests():
    assert plan(a_wish(ONE), Held()) == [
        Host(ONE),
        Point({"": ONE.key, "1": ONE.key}),
    ]


def test_new_version_is_loaded_before_requests_go_there_and_the_old_leaves_last():
    assert plan(a_wish(TWO), met(a_wish(ONE))) == [
        Host(TWO),
        Load(TWO.key),
        Point({"": TWO.key, "2": TWO.key}),
        Drop(ONE.key),
    ]


def test_new_version_of_a_model_that_is_not_loaded_is_left_to_requests():
    assert plan(a_wish(TWO), met(a_wish(ONE), warm=False)) == [
        Host(TWO),
        Point({"": TWO.key, "2": TWO.key}),
        Drop(ONE.key),
    ]


def test_rebuilt_variant_replaces_the_loaded_one_under_the_same_words():
    actions = plan(a_wish(AGAIN), met(a_wish(ONE)))

    assert actions[1:] == [
        Load(AGAIN.key),
        Point({"": AGAIN.key, "1": AGAIN.key}),
        Drop(ONE.key),
    ]


def test_another_alias_moves_words_alone():
    before, after = a_wish(ONE, TWO, stable=1), a_wish(ONE, TWO, stable=2)

    (action,) = plan(after, met(before))

    assert isinstance(action, Point)
    assert action.words["stable"] == TWO.key


def test_what_somebody_asked_for_is_loaded_again_each_time():
    first = a_wish(ONE, presence="loaded", serial=1)

    assert plan(first, met(a_wish(ONE))) == [Load(ONE.key)]
    assert plan(replace(first, serial=2), met(first)) == [Load(ONE.key)]


def test_unloaded_model_loses_its_words_before_its_editions():
    assert plan(a_wish(ONE, TWO, presence="unloaded"), met(a_wish(ONE, TWO))) == [
        Point({}),
        Drop(ONE.key),
        Drop(TWO.key),
    ]


def test_model_that_was_never_here_is_not_unloaded():
    assert plan(a_wish(ONE, presence="unloaded"), Held()) == []


KNOWN = (ONE, TWO, AGAIN, version(3))
EDITIONS = st.lists(st.integers(0, len(KNOWN) - 1), min_size=1, unique=True).map(
    lambda found: tuple({KNOWN[n].version: KNOWN[n] for n in found}.values())
)
WISHES = st.builds(
    lambda editions, presence, serial: a_wish(
        *editions, presence=presence, serial=serial
    ),
    EDITIONS,
    st.sampled_from(["lazy", "loaded", "unloaded"]),
    st.integers(0, 3),
)


def done(action, held: Held) -> Held:
    """What a replica is after one step, as long as every step is allowed."""
    if isinstance(action, Host):
        assert action.edition.key not in held.hosted
        return replace(held, hosted=held.hosted | {action.edition.key})
    if isinstance(action, Load):
        assert action.key in held.hosted
        return replace(held, warm=held.warm | {action.key})
    if isinstance(action, Point):
        assert {*action.words.values()} <= held.hosted
        return replace(held, words=dict(action.words))
    assert action.key not in held.words.values(), "requests are pointed at it"
    gone = frozenset({action.key})
    return replace(held, hosted=held.hosted - gone, warm=held.warm - gone)


@pytest.mark.parametrize("warm", [True, False])
@given(wishes=st.lists(WISHES, min_size=1, max_size=6))
def test_every_step_is_allowed_and_the_end_is_what_was_wished(warm, wishes):
    held = met(wishes[0], warm) if wishes[0].presence != "unloaded" else Held()
    for wish in wishes:
        for action in plan(wish, held):
            before = held
            held = done(action, held)
            if isinstance(action, Point) and "" in before.words and action.words:
                was_warm = before.words[""] in before.warm
                assert held.words[""] in held.warm or not was_warm
        held = replace(held, done=wish)
        served = wish.presence != "unloaded"
        wanted = {one.key for one in wish.editions} if served else set()
        assert held.hosted == wanted
        assert plan(wish, held) == []
