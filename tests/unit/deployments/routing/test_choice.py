"""Where requests go: every caller alone, and all alike."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from deployments.routing.choice import Choice
from deployments.routing.rank import ranked
from deployments.routing.seen import Seen, seen, told
from deployments.routing.spread import HOLD_S

NODE, REPLICAS = "model:tiny", ["r0", "r1", "r2", "r3"]


def choosing(*pool):
    choice = Choice()
    choice.see(pool)
    return choice


def nobody_holds_it():
    return [Seen(name) for name in REPLICAS]


def test_cold_model_has_one_place_and_all_callers_know_it():
    callers = [choosing(*nobody_holds_it()) for _ in range(5)]

    targets = {caller.targets(NODE, 0.0) for caller in callers}

    assert targets == {(ranked(NODE, REPLICAS)[0],)}


def test_cold_models_are_spread_over_the_pool():
    choice = choosing(*nobody_holds_it())

    places = [choice.targets(f"model:m{n}", 0.0)[0] for n in range(400)]

    assert all(70 < places.count(name) < 130 for name in REPLICAS)


def test_versions_of_a_model_live_together():
    choice = choosing(*nobody_holds_it())

    words = ("", ":1", ":2", ":canary")

    assert len({choice.targets(f"model:tiny{w}", 0.0) for w in words}) == 1


def test_whoever_holds_it_comes_before_who_should():
    last = ranked(NODE, REPLICAS)[-1]
    pool = [Seen(n, 1, {NODE: 0.1} if n == last else {}) for n in REPLICAS]

    assert choosing(*pool).targets(NODE, 0.0) == (last,)


def test_dead_replica_is_no_target_from_then_on():
    choice = choosing(*nobody_holds_it())
    (place,) = choice.targets(NODE, 0.0)

    choice.lose(place)

    assert choice.targets(NODE, 0.0) == (ranked(NODE, REPLICAS)[1],)


def test_hot_model_gets_one_new_copy_at_a_time():
    held = ranked(NODE, REPLICAS)[:1]
    pool = [Seen(n, 1, {NODE: 2.6} if n in held else {}) for n in REPLICAS]

    targets = choosing(*pool).targets(NODE, 0.0)

    assert targets == tuple(ranked(NODE, REPLICAS)[:2])


def test_pool_without_replicas_has_no_targets():
    assert choosing().targets(NODE, 0.0) == ()


def test_replica_that_told_nothing_holds_nothing():
    assert seen("r0", {}) == Seen("r0")
    assert seen("r0", told(2, {NODE: 0.1234})) == Seen("r0", 2, {NODE: 0.12})


def test_words_of_one_model_are_one_load():
    assert Seen("r0", 1, {"model:a": 0.5, "model:a:1": 0.5, "model:b": 0.2}).load() == (
        0.7
    )


@given(st.sets(st.sampled_from("abcdefgh"), min_size=1), st.sampled_from("abcdefgh"))
def test_replica_that_leaves_moves_only_its_own_models(names, gone):
    for n in range(20):
        before = ranked(f"model:m{n}", names)
        after = ranked(f"model:m{n}", names - {gone})
        assert after == [name for name in before if name != gone]


@dataclass
class Pool:
    """A pool in steps of half a second; work spreads evenly over a caller's targets.

    What is sent to a replica is loaded there by the next step; a copy nobody asks for
    leaves after `idle_steps`.
    """

    callers: list[Choice] = field(default_factory=lambda: [Choice() for _ in range(3)])
    work: dict[str, float] = field(default_factory=dict)
    held: dict[str, dict[str, int]] = field(
        default_factory=lambda: {name: {} for name in REPLICAS}
    )
    step: int = 0
    idle_steps: int = 10

    def run(self, steps):
        """The number of copies of `NODE` after each step."""
        seen_copies = []
        for _ in range(steps):
            self._step()
            seen_copies.append(sum(NODE in held for held in self.held.values()))
        return seen_copies

    def _step(self):
        self.step += 1
        share = {name: dict.fromkeys(held, 0.0) for name, held in self.held.items()}
        for caller in self.callers:
            for node, work in self.work.items():
                targets = caller.targets(node, self.step / 2)
                for name in targets:
                    part = work / len(self.callers) / len(targets)
                    share[name][node] = share[name].get(node, 0.0) + part
                    self.held[name][node] = self.step
        for held in self.held.values():
            for node, last in list(held.items()):
                if self.step - last > self.idle_steps:
                    del held[node]
        pool = [
            seen(name, told(1, {n: share[name].get(n, 0.0) for n in self.held[name]}))
            for name in REPLICAS
        ]
        for caller in self.callers:
            caller.see(pool)


def start(**work):
    pool = Pool(work={f"model:{name}": slots for name, slots in work.items()})
    for caller in pool.callers:
        caller.see(nobody_holds_it())
    return pool


def test_no_herd_many_callers_and_one_cold_model_make_one_copy():
    assert start(tiny=0.3).run(20) == [1] * 20


def test_model_spreads_while_it_is_hot_and_goes_back_when_it_is_not():
    pool = start(tiny=0.3)
    pool.run(5)

    pool.work[NODE] = 2.0
    hot = pool.run(20)
    pool.work[NODE] = 0.3
    cooling = pool.run(int(2 * 4 * HOLD_S))

    assert hot[-10:] == [3] * 10
    assert hot == sorted(hot)
    assert cooling[: int(HOLD_S)] == [3] * int(HOLD_S)
    assert cooling[-1] == 1
    assert cooling == sorted(cooling, reverse=True)


def test_wavering_model_does_not_flap():
    pool = start(tiny=1.3)
    pool.run(20)
    copies = []
    for n in range(40):
        pool.work[NODE] = (1.2, 1.5)[n % 2]
        copies += pool.run(3)

    assert len(set(copies[20:])) == 1


def test_many_small_models_stay_on_one_replica_each():
    pool = start(**{f"m{n}": 0.05 for n in range(24)})

    pool.run(30)

    copies = [
        sum(f"model:m{n}" in held for held in pool.held.values()) for n in range(24)
    ]
    assert copies == [1] * 24
