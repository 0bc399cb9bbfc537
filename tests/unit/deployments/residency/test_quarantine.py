"""Models that kill their replicas, seen from the replica that comes next."""

import subprocess
import sys
from pathlib import Path

import pytest

from configs.pool import PoolSpec
from deployments.errors import LoadFailed
from deployments.residency.blackbox import BlackBox
from deployments.residency.loading import Loader
from deployments.residency.residency import Residency
from deployments.residency.seat import Tenant
from deployments.residency.sizes import Sizes
from tests.dying import GOOD, POISON
from tests.fakes_residency import FakeHost, FakeMachine

ROOT = Path(__file__).parents[4]


def die_loading(folder):
    """A replica of this node is killed while it loads POISON."""
    command = [sys.executable, "-m", "tests.dying", str(folder), "loading"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as replica:
        assert replica.stdout
        assert replica.stdout.readline() == b"at it\n"
        replica.kill()


class Next:
    """The replica that comes after."""

    def __init__(self, folder, **spec):
        pool = PoolSpec.model_validate({"quarantine_after_crashes": 2, **spec})
        self.machine = FakeMachine()
        self.box = BlackBox(folder)
        loader = Loader(2, 60.0, self.machine.gauge, self.box, Sizes())
        self.residency = Residency(pool, loader)
        self.seats = {
            name: self.residency.offer(self.tenant(name, digest))
            for name, digest in (("poison", POISON), ("good", GOOD))
        }

    def tenant(self, name, digest):
        def opened(full):
            return self.machine.open(name, 10)

        return Tenant(name, name, digest, 10, opened, FakeHost())

    async def close(self):
        await self.residency.close()
        self.box.close()


@pytest.fixture
async def replica(tmp_path):
    replica = Next(tmp_path)
    yield replica
    await replica.close()


async def test_model_is_loaded_again_after_one_death(replica, tmp_path):
    die_loading(tmp_path)

    await replica.residency.load("poison")

    assert replica.seats["poison"].ready


async def test_model_that_killed_twice_is_quarantined_until_it_is_forgiven(
    replica, tmp_path
):
    for _ in range(2):
        die_loading(tmp_path)

    with pytest.raises(LoadFailed, match="it is quarantined after 2 crashes"):
        await replica.residency.load("poison")
    assert replica.machine.opens == []
    told = replica.residency.states()[0]
    assert (told.state, told.answers) == ("UNAVAILABLE", False)
    assert told.reason == "it is quarantined after 2 crashes of its replica"
    await replica.residency.load("good")

    replica.residency.forgive("poison")
    await replica.residency.load("poison")

    assert replica.seats["poison"].ready


async def test_replica_starts_without_a_quarantined_model(replica, tmp_path):
    for _ in range(2):
        die_loading(tmp_path)

    replica.residency.load_at_start()

    assert [s.state for s in replica.residency.states()] == ["UNAVAILABLE", "READY"]
