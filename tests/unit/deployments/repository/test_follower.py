"""A replica meets what is desired, at once when told and by itself when not."""

import asyncio
import logging
from dataclasses import replace

import pytest

from deployments.blueprint import Blueprint
from deployments.editions import Wish
from deployments.layout import INGRESS, Plan
from deployments.logs import LOGGERS, log_level
from deployments.repository.board import Board
from deployments.repository.follower import TRY_AGAIN, Follower
from deployments.repository.hosting import Hosting
from deployments.repository.reports import Place
from deployments.repository.repository import Repository
from tests.fakes_control import FakeSeats, LocalFleet, MemoryKeys
from tests.unit.deployments.repository.test_plan import ONE, TWO, a_wish

HANGS_S = 60
"""What should wait for nothing is given up then."""


def a_blueprint(tmp_path, wish):
    return Blueprint(
        store=tmp_path,
        plan=Plan({"model:tiny": INGRESS}),
        models={},
        cards={},
        pipelines={},
        terms={},
        wishes={"tiny": wish},
    )


class Replica:
    """A follower of one model, and what a writer elsewhere does."""

    def __init__(self, tmp_path):
        self.board, self.seats = Board(MemoryKeys(), "x"), FakeSeats()
        self.seen: list[Wish] = []
        blueprint = a_blueprint(tmp_path, a_wish(ONE))
        place = Place(INGRESS, "one")
        self.follower = Follower(blueprint, place, Hosting(self.seats), self.board)
        self.follower.begin(lambda wishes, desired: self.seen.append(wishes["tiny"]))

    def wish(self, wish):
        before = self.board.read()
        assert self.board.write(before.wishing(wish).next(before))

    def log(self, level):
        before = self.board.read()
        assert self.board.write(before.logging(level).next(before))

    async def begin_load(self, revision=1):
        """Follow a wish whose load waits at the door."""
        self.seats.door.clear()
        self.wish(a_wish(TWO, presence="loaded", serial=1))
        following = asyncio.ensure_future(self.follower.follow(revision))
        await self.seats.knocked.wait()
        return following


@pytest.fixture
def replica(tmp_path):
    return Replica(tmp_path)


async def test_deployed_wishes_are_met_and_told_at_the_start(replica):
    assert replica.seen == [a_wish(ONE)]
    assert [s.state for s in replica.follower.report().seats] == ["UNAVAILABLE"]


async def test_revision_that_is_known_is_not_read_again(replica):
    replica.wish(a_wish(TWO))

    await replica.follower.follow(0)
    assert replica.follower.report().revision == 0

    report = await replica.follower.follow(1)
    assert (report.revision, replica.seen[-1]) == (1, a_wish(TWO))


async def test_replica_that_was_not_told_looks_for_itself(replica):
    replica.wish(a_wish(TWO))

    await replica.follower.look()
    await replica.follower.look()

    assert replica.seen == [a_wish(ONE), a_wish(TWO)]


async def test_what_failed_is_told_and_tried_again_after_a_while(replica):
    replica.seats.broken.add(TWO.key)
    replica.wish(a_wish(TWO, presence="loaded", serial=1))

    report = await replica.follower.follow(1)
    assert report.failures == {"tiny": "it is broken"}

    replica.seats.broken.clear()
    await replica.follower.look()
    assert replica.follower.report().failures != {}
    for _ in range(TRY_AGAIN):
        await replica.follower.look()
    assert replica.follower.report().failures == {}


async def test_preparation_that_fails_leaves_nothing_behind(replica):
    replica.seats.broken.add(TWO.key)

    why = await replica.follower.prepare("tiny", [ONE, TWO])

    assert "it is broken" in why
    assert list(replica.seats.here) == [ONE.key]


async def test_models_of_other_deployments_are_none_of_its_business(tmp_path):
    blueprint = a_blueprint(tmp_path, a_wish(ONE))
    elsewhere = replace(blueprint, plan=Plan({"model:tiny": "shelf"}))
    seats, board = FakeSeats(), Board(MemoryKeys(), "x")

    Follower(elsewhere, Place(INGRESS, "one"), Hosting(seats), board).begin()

    assert seats.here == {}


@pytest.fixture
def _levels_are_put_back():
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(logger.level, list(logger.handlers)) for logger in loggers]
    yield
    for logger, (level, handlers) in zip(loggers, before, strict=True):
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.mark.usefixtures("_levels_are_put_back")
async def test_log_level_is_that_of_the_newest_revision(replica):
    replica.log(logging.ERROR)

    await replica.follower.follow(1)

    assert log_level() == logging.ERROR


@pytest.mark.usefixtures("_levels_are_put_back")
async def test_log_level_is_set_everywhere_while_a_model_is_loaded(replica, tmp_path):
    following = await replica.begin_load()
    fleet = LocalFleet({INGRESS: [replica.follower]}, [])
    control = Repository(a_blueprint(tmp_path, a_wish(ONE)), replica.board, fleet)

    await asyncio.wait_for(control.log(logging.ERROR), HANGS_S)

    assert (log_level(), following.done()) == (logging.ERROR, False)
    replica.seats.door.set()
    await following


@pytest.mark.usefixtures("_levels_are_put_back")
async def test_log_level_does_not_wait_for_wishes_of_its_own_revision(replica):
    replica.log(logging.ERROR)

    following = await replica.begin_load(revision=2)

    assert (log_level(), following.done()) == (logging.ERROR, False)
    replica.seats.door.set()
    await following


@pytest.mark.usefixtures("_levels_are_put_back")
async def test_another_log_level_does_not_load_again_what_has_failed(replica):
    replica.seats.broken.add(TWO.key)
    replica.wish(a_wish(TWO, presence="loaded", serial=1))
    failed = (await replica.follower.follow(1)).failures
    replica.seats.broken.clear()
    replica.log(logging.ERROR)

    report = await replica.follower.follow(2)

    assert (report.revision, report.failures) == (2, failed)
    assert f"load {TWO.key}" not in replica.seats.steps


@pytest.mark.usefixtures("_levels_are_put_back")
def test_replica_that_starts_later_writes_as_the_others_do(replica, tmp_path):
    replica.log(logging.ERROR)
    hosting, place = Hosting(FakeSeats()), Place(INGRESS, "two")
    blueprint = a_blueprint(tmp_path, a_wish(ONE))

    Follower(blueprint, place, hosting, replica.board).begin()

    assert log_level() == logging.ERROR
