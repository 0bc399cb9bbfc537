import pytest

from deployments.autoscaling.decision import Decision
from deployments.autoscaling.live.feed import Totals
from deployments.autoscaling.live.ledger import Order, Start
from deployments.autoscaling.live.scribe import EVERY_S, LOAD_WAIT_S, Facts, Scribe

START = Start("r1", Order(5.0, 1005.0, "decision", "spike", 3), 4.0)


def decision(replicas=2, reason="forecast"):
    return Decision(
        "m", replicas, reason, True, 1, 0, replicas, 4.0, 6.0, 0.97, 3.0, 15.0
    )


def facts(ready=2, target=2, arrived=0.0, completed=0.0, spent_s=0.0):
    totals = Totals(arrived, arrived, completed, 1.0, spent_s, 0.5)
    return Facts(9, ready, target, totals)


@pytest.fixture
def scribe():
    return Scribe()


def test_same_decision_is_written_every_ten_seconds(scribe):
    lines = [scribe.decision(decision(), facts(), float(s)) for s in range(30)]

    assert [at for at, line in enumerate(lines) if line] == [0, EVERY_S, 2 * EVERY_S]


@pytest.mark.parametrize(
    ("changed", "seen"),
    [
        (decision(replicas=3), facts()),
        (decision(reason="backlog"), facts()),
        (decision(), facts(ready=1)),
        (decision(), facts(target=3)),
    ],
)
def test_change_is_written_at_once(scribe, changed, seen):
    scribe.decision(decision(), facts(), 0.0)

    assert scribe.decision(changed, seen, 1.0) is not None


def test_line_says_what_came_and_how_long_it_took_since_the_last(scribe):
    scribe.decision(decision(), facts(), 0.0)

    line = scribe.decision(
        decision(), facts(arrived=50.0, completed=40.0, spent_s=8.0), EVERY_S
    )

    assert line is not None
    assert (line["arrivals_per_s"], line["service_s"]) == (5.0, 0.2)
    assert (line["quantile"], line["reactive"], line["oldest_s"]) == (6.0, 1, 0.5)


def test_clock_that_steps_back_is_written_and_counts_forward(scribe):
    scribe.decision(decision(), facts(), 1000.0)

    line = scribe.decision(decision(), facts(arrived=3.0), 10.0)

    assert line is not None
    assert line["arrivals_per_s"] == 3.0


def test_start_waits_for_its_load_time(scribe):
    scribe.started("m", START, 9.0)

    assert list(scribe.starts({"r1": None}, 10.0)) == []
    (line,) = scribe.starts({"r1": 2.5}, 11.0)
    assert (line["replica"], line["load_s"], line["reason"]) == ("r1", 2.5, "spike")
    assert (line["ordered_at_s"], line["at_s"]) == (1005.0, 1009.0)
    assert scribe.waiting() == []


def test_start_of_a_replica_that_says_nothing_is_written_all_the_same(scribe):
    scribe.started("m", START, 9.0)

    (line,) = scribe.starts({}, 9.0 + LOAD_WAIT_S)

    assert line["load_s"] is None
