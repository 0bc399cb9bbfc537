import pytest

from deployments.autoscaling.live import ledger
from deployments.autoscaling.live.ledger import Ledger


def Asked(replicas, reason):  # noqa: N802 - reads like what it makes
    return ledger.Asked(replicas, reason, (0.0, 1e9))


class Book:
    """A ledger of one deployment; each line of it is a second later."""

    def __init__(self):
        self.ledger, self.now_s = Ledger(), 0.0

    def open(self, target, *running):
        self.ledger.open("m", target, running, (self.now_s, 1e9))

    def second(self, target, *running, asked=None):
        self.now_s += 1
        clocks = (self.now_s, 1e9 + self.now_s)
        return self.ledger.follow("m", target, running, asked, clocks)


@pytest.fixture
def book():
    return Book()


def test_start_is_traced_to_the_decision_that_asked_for_it(book):
    book.open(1, "a")
    book.second(3, "a", asked=Asked(3, "forecast"))
    book.second(3, "a", asked=Asked(3, "steady"))
    first = book.second(3, "a", "b")
    second = book.second(3, "a", "b", "c")

    told = [one.as_dict() for one in (*first, *second)]
    assert [(one["replica"], one["took_s"]) for one in told] == [("b", 3), ("c", 4)]
    assert {(one["cause"], one["reason"], one["replicas"]) for one in told} == {
        ("decision", "forecast", 3)
    }


def test_first_replicas_were_ordered_by_deploying(book):
    book.open(2)

    starts = book.second(2, "a", "b")

    assert {one.order.cause for one in starts} == {"deployment"}


def test_target_that_nobody_asked_for_is_the_clusters(book):
    book.open(0)
    book.second(1, asked=Asked(0, "idle"))

    (start,) = book.second(1, "a")

    assert start.order.cause == "cluster"


def test_replica_in_place_of_a_dead_one_is_a_replacement(book):
    book.open(2, "a", "b")
    book.second(2, "a")
    (start,) = book.second(2, "a", "c")

    assert (start.order.cause, start.took_s) == ("replacement", 1)


def test_replica_that_was_told_to_go_is_not_replaced(book):
    book.open(2, "a", "b")
    book.second(1, "a", "b", asked=Asked(1, "forecast"))
    book.second(1, "a")
    book.second(2, "a", asked=Asked(2, "backlog"))
    (start,) = book.second(2, "a", "c")

    assert (start.order.cause, start.order.reason) == ("decision", "backlog")


def test_cancelled_order_explains_no_later_start(book):
    book.open(1, "a")
    book.second(3, "a", asked=Asked(3, "spike"))
    book.second(1, "a", asked=Asked(1, "forecast"))
    book.second(2, "a", asked=Asked(2, "backlog"))
    (start,) = book.second(2, "a", "b")

    assert start.order.reason == "backlog"


def test_update_that_replaces_replicas_leaves_no_order_open(book):
    book.open(2, "a", "b")
    starts = book.second(2, "a", "b", "c", "d")
    book.second(2, "c", "d")
    book.second(3, "c", "d", asked=Asked(3, "forecast"))
    (start,) = book.second(3, "c", "d", "e")

    assert {one.order.cause for one in starts} == {"cluster"}
    assert start.order.cause == "decision"
