"""The ensemble as a node, with members that answer when the test says so."""

import asyncio
import logging

import numpy as np
import pytest

from configs.rules import DegradeSpec, QuorumSpec, RulesSpec
from deployments.ensembles.cascade import Ladder
from deployments.ensembles.node import Ensemble, Manner
from deployments.ensembles.talk import Patience
from deployments.errors import (
    BackendFailed,
    DeadlineExceeded,
    InvalidInput,
    Overloaded,
)
from deployments.messages import Urgency
from tests.fakes_ensembles import (
    Timers,
    ToldLater,
    ToldNode,
    member,
    rows,
    surely,
)

NOW_S = 100.0


class Scene:
    """An ensemble, its members and its timers; the clock stands at `now_s`."""

    def __init__(self, *nodes, rules=None, timers=None, facts=(), **manner):
        self.nodes, self.timers, self.now_s = nodes, timers or Timers(), NOW_S
        facts = facts or [{}] * len(nodes)
        members = [
            member(node, name, **said)
            for node, name, said in zip(nodes, "abcdef", facts, strict=False)
        ]
        self.ensemble = Ensemble(
            "p",
            members,
            Manner(rules=rules or RulesSpec(), **manner),
            Patience(timer=self.timers, clock=lambda: self.now_s),
        )

    @property
    def stats(self):
        return self.ensemble.stats

    def ask(self, *numbers, **said):
        return asyncio.ensure_future(self.ensemble.infer(rows(*numbers, **said)))


async def settle():
    """Let everything happen that waits for nothing."""
    for _ in range(20):
        await asyncio.sleep(0)


def first(reply):
    return reply.outputs["probability"].argmax(axis=1).tolist()


def held():
    return ToldNode(surely(0, 1, 2), held=True)


def free(*classes):
    return ToldNode(surely(*(classes or (0, 1, 2))))


def broken(error):
    node = free()
    node.error = error
    return node


BUSY = Overloaded("m", 3, 1.0)
BROKEN = BackendFailed("m", "boom")


async def test_members_are_weighed():
    scene = Scene(free(0), free(1), facts=[{"weight": 1.0}, {"weight": 3.0}])

    reply = await scene.ask(0)

    wanted = [0.25, 0.75, 0]
    assert reply.outputs["probability"][0].tolist() == pytest.approx(wanted, abs=1e-3)
    assert reply.parameters == {}


async def test_temperature_is_what_logits_are_divided_by():
    hot = Scene(free(0), facts=[{"temperature": 9.0}])

    reply = await hot.ask(0)

    e = np.e
    assert reply.outputs["probability"][0, 0] == pytest.approx(e / (e + 2))


async def test_each_member_is_fed_what_its_model_calls_it():
    node = free()
    ensemble = Ensemble("p", [member(node)])

    await ensemble.infer(rows(2))

    assert list(node.requests[0].inputs) == ["x"]
    assert node.rows == [[2]]


async def test_failing_member_cancels_the_others_and_is_reported():
    scene = Scene(held(), broken(BROKEN))

    with pytest.raises(BackendFailed):
        await scene.ask(0)
    await settle()

    assert scene.nodes[0].cancelled
    assert (scene.stats.refused, scene.stats.of("a").cancelled) == (1, 1)


async def test_leaving_caller_cancels_every_member():
    scene = Scene(held(), held())
    asking = scene.ask(0)
    for node in scene.nodes:
        await node.asked.wait()

    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await asyncio.sleep(0)

    assert [node.cancelled for node in scene.nodes] == [True, True]


async def test_urgency_and_id_reach_the_members():
    scene, urgency = Scene(free()), Urgency(deadline_s=NOW_S + 5)

    await scene.ask(0, urgency=urgency, id="7")

    (request,) = scene.nodes[0].requests
    assert (request.urgency, request.id) == (urgency, "7")


async def test_with_a_quorum_the_answer_says_who_gave_it():
    rules = RulesSpec(quorum=QuorumSpec(members=1))
    scene = Scene(broken(BROKEN), free(), rules=rules)

    reply = await scene.ask(1)

    assert first(reply) == [1]
    assert reply.parameters == {"ensemble_members": "b", "ensemble_partial": True}
    assert (scene.stats.partial, scene.stats.of("a").failed) == (1, 1)


async def test_slow_member_is_given_up_when_its_time_is_over():
    rules = RulesSpec(member_timeout_ms=50, quorum=QuorumSpec(members=1))
    scene = Scene(held(), free(), rules=rules)
    asking = scene.ask(1)
    await settle()

    assert [wait_s for wait_s, _ in scene.timers.set] == [0.05]
    scene.timers.ring()

    assert (await asking).parameters["ensemble_members"] == "b"
    await asyncio.sleep(0)
    assert scene.nodes[0].cancelled
    late, well = scene.stats.of("a"), scene.stats.of("b")
    assert (late.timed_out, late.failed, late.requests) == (1, 0, 0)
    assert (well.timed_out, well.failed, well.requests) == (0, 0, 1)


async def test_slow_member_fails_the_request_without_a_quorum():
    scene = Scene(held(), free(), rules=RulesSpec(member_timeout_ms=50))
    asking = scene.ask(1)
    await scene.nodes[0].asked.wait()

    scene.timers.ring()

    with pytest.raises(DeadlineExceeded, match="before 'a' could answer"):
        await asking


async def test_answer_that_comes_after_its_time_counts_for_nothing():
    rules = RulesSpec(member_timeout_ms=50, quorum=QuorumSpec(members=1))
    scene = Scene(held(), held(), rules=rules)
    asking = scene.ask(1)
    await scene.nodes[0].asked.wait()

    scene.timers.ring()
    scene.nodes[0].release()
    with pytest.raises(DeadlineExceeded):
        await asking

    assert scene.stats.of("a").timed_out == scene.stats.of("b").timed_out == 1


async def test_stragglers_are_cancelled_when_the_grace_is_over():
    rules = RulesSpec(quorum=QuorumSpec(members=1, grace_ms=20))
    scene = Scene(free(), held(), rules=rules)
    asking = scene.ask(2)
    await scene.nodes[1].asked.wait()
    await settle()

    scene.timers.ring()

    assert (await asking).parameters["ensemble_members"] == "a"
    assert scene.stats.of("b").cancelled == 1


async def test_without_grace_nobody_is_waited_for():
    rules = RulesSpec(quorum=QuorumSpec(members=1, grace_ms=0))
    scene = Scene(free(), held(), rules=rules)

    reply = await scene.ask(0)

    assert reply.parameters["ensemble_members"] == "a"


async def test_fallback_stands_in_for_a_member_that_fails():
    facts = [{}, {"fallback": True}]
    scene = Scene(broken(BROKEN), free(), facts=facts)

    reply = await scene.ask(1)

    assert first(reply) == [1]
    assert reply.parameters == {"ensemble_members": "b", "ensemble_partial": True}


async def test_fallback_is_not_asked_otherwise():
    scene = Scene(free(), free(), facts=[{}, {"fallback": True}])

    await scene.ask(1)

    assert scene.nodes[1].requests == []


async def test_request_that_no_member_can_work_with_is_refused_with_a_quorum_too():
    rules = RulesSpec(quorum=QuorumSpec(members=1))
    scene = Scene(broken(InvalidInput("m", "no")), free(), rules=rules)

    with pytest.raises(InvalidInput):
        await scene.ask(0)


def sick(row, value=np.nan):
    """Sure of its rows but one, of which it says nothing."""
    table = surely(0, 1, 2)
    table[row, 1] = value
    return ToldNode(table)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("strategy", ["soft_vote", "majority"])
async def test_member_whose_logits_are_no_numbers_fails_the_request(strategy, value):
    scene = Scene(free(), sick(2, value), strategy=strategy)

    with pytest.raises(BackendFailed, match="'b' failed on this request"):
        await scene.ask(0, 2)

    assert (scene.stats.refused, scene.stats.of("b").failed) == (1, 1)
    assert (scene.stats.of("a").requests, scene.stats.of("b").requests) == (1, 0)
    assert first(await scene.ask(0, 1)) == [0, 1]
    assert (scene.stats.of("a").requests, scene.stats.of("b").requests) == (2, 1)


@pytest.mark.parametrize("strategy", ["soft_vote", "majority"])
async def test_member_whose_logits_are_no_numbers_has_no_say_with_a_quorum(strategy):
    rules = RulesSpec(quorum=QuorumSpec(members=1))
    scene = Scene(sick(2), free(), rules=rules, strategy=strategy)

    reply = await scene.ask(0, 2)

    assert np.isfinite(reply.outputs["probability"]).all()
    assert first(reply) == [0, 2]
    assert reply.parameters == {"ensemble_members": "b", "ensemble_partial": True}


async def test_fallback_stands_in_for_a_member_whose_logits_are_no_numbers():
    scene = Scene(sick(2), free(), facts=[{}, {"fallback": True}])

    reply = await scene.ask(2)

    assert first(reply) == [2]
    assert reply.parameters["ensemble_members"] == "b"


async def test_broken_logits_fail_the_request_although_it_may_degrade():
    scene = Scene(free(), sick(1), rules=RulesSpec(degrade=DegradeSpec()))

    with pytest.raises(BackendFailed):
        await scene.ask(1)

    assert (scene.stats.of("b").failed, scene.stats.of("b").requests) == (1, 0)
    assert (scene.stats.of("a").failed, scene.stats.of("a").requests) == (0, 1)


async def test_answer_beside_the_failure_that_ends_the_request_is_counted():
    scene = Scene(sick(1), free(), rules=RulesSpec(degrade=DegradeSpec()))

    with pytest.raises(BackendFailed):
        await scene.ask(1)

    assert (scene.stats.of("a").failed, scene.stats.of("b").requests) == (1, 1)


async def test_refused_input_is_no_failure_of_a_member():
    scene = Scene(broken(InvalidInput("m", "no")), free())

    with pytest.raises(InvalidInput):
        await scene.ask(0)

    assert (scene.stats.refused, scene.stats.of("a").failed) == (1, 0)


async def test_log_names_a_broken_member_once_a_minute(caplog):
    rules = RulesSpec(quorum=QuorumSpec(members=1))
    scene = Scene(sick(0), free(), broken(BROKEN), rules=rules)
    with caplog.at_level(logging.WARNING, "deployments.ensembles.node"):
        for _ in range(3):
            await scene.ask(0)
        assert [words.split()[0] for words in caplog.messages] == ["a", "c"]
        scene.now_s += 60

        await scene.ask(0)

    assert [words.split()[0] for words in caplog.messages] == ["a", "c", "a", "c"]
    assert "NaN" in caplog.messages[0]
    assert scene.stats.of("a").failed == 4


async def test_class_that_is_ruled_out_is_an_answer():
    node = sick(0, -np.inf)

    reply = await Scene(node).ask(0)

    assert reply.outputs["probability"][0, 1] == 0
    assert reply.outputs["probability"][0].sum() == pytest.approx(1)


def cascade(*nodes, thresholds, **said):
    ladder = Ladder(tuple(range(len(nodes))), (*thresholds, 0.0))
    return Scene(*nodes, strategy="cascade", ladder=ladder, **said)


async def test_cascade_asks_the_next_member_only_for_rows_that_are_not_sure():
    unsure = surely(0, 1, 2)
    unsure[1] = [0.1, 0, 0]
    scene = cascade(ToldNode(unsure), free(), thresholds=[0.5])

    reply = await scene.ask(0, 1, 2)

    assert (scene.nodes[0].rows, scene.nodes[1].rows) == ([[0, 1, 2]], [[1]])
    assert first(reply) == [0, 1, 2]
    assert reply.parameters == {
        "ensemble_members": "a,b",
        "ensemble_members_run": "1,2,1",
    }


async def test_cascade_fails_where_a_member_says_no_numbers():
    scene = cascade(sick(2), free(), thresholds=[0.5])

    with pytest.raises(BackendFailed, match="'a' failed"):
        await scene.ask(0, 2)

    assert scene.nodes[1].requests == []


async def test_cascade_goes_on_without_a_member_that_says_no_numbers():
    rules = RulesSpec(quorum=QuorumSpec(members=1))
    scene = cascade(sick(2), free(), thresholds=[0.5], rules=rules)

    reply = await scene.ask(0, 2)

    assert first(reply) == [0, 2]
    assert reply.parameters["ensemble_members"] == "b"
    assert scene.nodes[1].rows == [[0, 2]]


async def test_cascade_counts_who_stopped_where_and_what_that_saved():
    scene = cascade(free(), free(), thresholds=[0.5])

    await scene.ask(0, 1)

    assert (scene.stats.exits, scene.stats.members_run) == ({1: 2}, {1: 2})
    assert scene.stats.saved_s == pytest.approx(0.02, rel=0.01)
    assert scene.stats.spent_s == pytest.approx(0.02, rel=0.01)


def later_cascade(*rows_, error=None):
    """A cascade whose second member's input is made when it is asked for."""
    unsure = surely(0, 1, 2)
    unsure[1] = [0.1, 0, 0]
    facts = [{}, {"feed": {"x": "later"}}]
    scene = cascade(ToldNode(unsure), free(), thresholds=[0.5], facts=facts)
    later = ToldLater(*rows_)
    later.error = error
    return scene, later, scene.ask(*rows_, later={"later": later})


async def test_input_of_a_later_member_is_made_only_for_rows_that_it_is_asked():
    scene, later, asking = later_cascade(0, 1, 2)

    reply = await asking

    assert first(reply) == [0, 1, 2]
    assert later.made == {1}
    assert scene.nodes[1].rows == [[1]]
    assert scene.stats.crops_spared == 2
    assert scene.stats.saved_s == pytest.approx(2 * later.row_s + 0.02, rel=0.01)


async def test_input_of_a_member_that_nobody_needs_is_not_made():
    scene, later, asking = later_cascade(0, 2)

    await asking

    assert (later.made, scene.stats.crops_spared) == (set(), 2)


async def test_input_that_cannot_be_made_is_the_failure_of_its_member():
    scene, _, asking = later_cascade(1, error=BUSY)

    with pytest.raises(Overloaded):
        await asking

    assert scene.nodes[1].requests == []
    assert (scene.stats.refused, scene.stats.of("b").failed) == (1, 1)


async def test_early_end_of_a_cascade_is_no_degraded_answer():
    scene = cascade(free(), free(), thresholds=[0.5])

    reply = await scene.ask(0, parameters={"allow_degraded": False})

    assert "ensemble_degraded" not in reply.parameters
    assert scene.nodes[1].requests == []


async def test_cascade_stops_where_its_deadline_allows_no_more():
    rules = RulesSpec(degrade=DegradeSpec())
    scene = cascade(
        free(), free(), thresholds=[2.0], rules=rules, facts=[{}, {"run_s": {1: 1.0}}]
    )

    reply = await scene.ask(0, urgency=Urgency(deadline_s=NOW_S + 0.5))

    assert reply.parameters["ensemble_degraded"] == "budget"
    assert scene.nodes[1].requests == []
    assert scene.stats.degraded == {"budget": 1}


def budget(*nodes, **said):
    facts = [{"run_s": {1: s}} for s in (0.01, 0.1)]
    return Scene(*nodes, strategy="budget", facts=facts, **said)


@pytest.mark.parametrize(
    ("left_s", "members"), [(1.0, "a,b"), (0.05, "a"), (0.001, "a")]
)
async def test_budget_takes_the_members_that_can_answer_in_time(left_s, members):
    scene = budget(free(), free())

    reply = await scene.ask(0, urgency=Urgency(deadline_s=NOW_S + left_s))

    assert reply.parameters["ensemble_members"] == members
    assert ("ensemble_degraded" in reply.parameters) == (members == "a")


async def test_budget_without_a_deadline_takes_everybody():
    reply = await budget(free(), free()).ask(0)

    assert reply.parameters == {"ensemble_members": "a,b"}


async def test_budget_answers_with_whoever_is_there_when_the_time_is_over():
    scene = budget(free(), held())
    asking = scene.ask(0, urgency=Urgency(deadline_s=NOW_S + 1))
    await scene.nodes[1].asked.wait()

    scene.timers.ring()

    reply = await asking
    assert reply.parameters == {
        "ensemble_members": "a",
        "ensemble_partial": True,
        "ensemble_degraded": "budget",
    }


async def test_request_may_insist_on_the_whole_ensemble():
    scene = budget(free(), broken(BUSY))
    strict = {"allow_degraded": False}

    with pytest.raises(Overloaded):
        await scene.ask(0, parameters=strict, urgency=Urgency(deadline_s=NOW_S + 0.05))


DEGRADE = RulesSpec(degrade=DegradeSpec(at_pressure=0.5))


async def test_busy_member_is_left_out_instead_of_refusing_the_request():
    scene = Scene(free(), broken(BUSY), rules=DEGRADE)

    reply = await scene.ask(0)

    assert reply.parameters == {
        "ensemble_members": "a",
        "ensemble_partial": True,
        "ensemble_degraded": "overload",
    }
    assert scene.stats.degraded == {"overload": 1}


async def test_broken_member_fails_the_request_although_it_may_degrade():
    with pytest.raises(BackendFailed):
        await Scene(free(), broken(BROKEN), rules=DEGRADE).ask(0)


async def test_request_is_refused_when_every_member_is_too_busy():
    with pytest.raises(Overloaded):
        await Scene(broken(BUSY), broken(BUSY), rules=DEGRADE).ask(0)


async def test_dear_members_are_left_out_while_rows_pile_up():
    facts = [{"queue_rows": 4}, {"queue_rows": 4, "run_s": {1: 0.1}}]
    scene = Scene(held(), held(), rules=DEGRADE, facts=facts)
    before = scene.ask(0, 1, 2)
    await settle()

    during = scene.ask(2)
    insisting = scene.ask(2, parameters={"allow_degraded": False})
    await settle()
    for node in scene.nodes:
        node.release()

    assert (await during).parameters["ensemble_degraded"] == "overload"
    assert (await insisting).parameters == (await before).parameters == {}
    assert scene.nodes[1].rows == [[0, 1, 2], [2]]


async def test_everybody_is_back_when_the_pile_is_gone():
    facts = [{"queue_rows": 1}, {"queue_rows": 1}]
    scene = Scene(free(), free(), rules=DEGRADE, facts=facts)

    for _ in range(3):
        assert (await scene.ask(0)).parameters == {}


async def test_agreement_of_members_is_counted():
    scene = Scene(free(0, 0), free(0, 1), free(0, 1))

    await scene.ask(0, 1)

    assert (scene.stats.compared, scene.stats.unanimous) == (2, 1)
    assert [scene.stats.of(name).agreed for name in "abc"] == [1, 2, 2]


async def test_stats_can_be_told_as_json():
    scene = Scene(free())
    await scene.ask(0)

    told = scene.stats.told()

    assert (told["requests"], told["rows"]) == (1, 1)
    assert told["members"]["a"]["rows"] == 1
