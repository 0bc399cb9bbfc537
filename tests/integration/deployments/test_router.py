"""The router of pools as Ray Serve drives it, without a cluster: replicas are stand-ins."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from ray.serve._private.common import (
    DeploymentHandleSource,
    DeploymentID,
    ReplicaID,
    RequestMetadata,
)
from ray.serve._private.request_router.common import PendingRequest

from deployments.routing.rank import ranked
from deployments.routing.router import PoolRouter
from deployments.routing.seen import told

POOL = DeploymentID("shelf", "headwater")
MOST = 8


class Replica:
    """As much of `RunningReplica` as a router asks for."""

    def __init__(self, name, **warm):
        self.replica_id = ReplicaID(name, POOL)
        self.routing_stats = told(1, {f"model:{k}": v for k, v in warm.items()})
        self.max_ongoing_requests = MOST
        self.ongoing = 0

    @property
    def name(self):
        return self.replica_id.unique_id

    async def get_queue_len(self, *, deadline_s):
        return self.ongoing


@pytest.fixture
async def router():
    router = PoolRouter(POOL, DeploymentHandleSource.REPLICA)
    router.initialize_state()
    see(router, [Replica(name) for name in ("a", "b", "c")])
    return router


def see(router: Any, replicas: list[Replica]) -> None:
    """What Ray does when replicas came, went or told something."""
    router.update_replicas(replicas)


def a_request(*args, method="infer", id="one"):
    metadata = RequestMetadata(
        request_id=id, internal_request_id=id, call_method=method
    )
    return PendingRequest(args=list(args), kwargs={}, metadata=metadata)


async def place(router, *args, **more):
    chosen = router._choose_replica_for_request(a_request(*args, **more))
    return (await asyncio.wait_for(chosen, 5)).name


async def test_cold_model_goes_to_the_first_of_its_ranks(router):
    found = {await place(router, "model:tiny", id=str(n)) for n in range(12)}

    assert found == {ranked("model:tiny", "abc")[0]}


async def test_model_goes_to_whoever_tells_that_it_is_there(router):
    holder = ranked("model:tiny", "abc")[2]
    replicas = [Replica(n, **({"tiny": 0.1} if n == holder else {})) for n in "abc"]
    see(router, replicas)

    assert await place(router, "model:tiny") == holder


async def test_members_of_one_ensemble_each_reach_their_own_replica(router):
    """Calls of one client request share an id, by which Ray would mix them up."""
    nodes = [f"model:m{n}" for n in range(9)]

    found = await asyncio.gather(*(place(router, n, id="same") for n in nodes))

    assert found == [ranked(node, "abc")[0] for node in nodes]


async def test_calls_without_a_model_go_anywhere(router):
    found = [await place(router, ["model:tiny"], method="ready") for _ in range(60)]

    assert set(found) == {"a", "b", "c"}


async def test_full_target_sends_to_others(router):
    first = ranked("model:tiny", "abc")[0]
    replicas = [Replica(name) for name in "abc"]
    for replica in replicas:
        replica.ongoing = MOST if replica.name == first else 0
    see(router, replicas)

    assert await place(router, "model:tiny") != first


async def test_crowded_target_shares_with_others_that_hold_the_model_too():
    router = PoolRouter(
        POOL, DeploymentHandleSource.REPLICA, use_replica_queue_len_cache=True
    )
    router.initialize_state()
    replicas = [Replica(name, tiny=0.1) for name in "ab"] + [Replica("c")]
    first = ranked("model:tiny", "ab")[0]
    for replica in replicas:
        replica.ongoing = 5 if replica.name == first else 0
    see(router, replicas)
    for replica in replicas:
        router.on_new_queue_len_info(replica.replica_id, replica.ongoing)

    found = Counter([await place(router, "model:tiny", id=str(n)) for n in range(20)])

    assert set(found) == {"a", "b"} - {first}


async def test_dead_replica_is_not_asked_again(router):
    first, second, _ = ranked("model:tiny", "abc")

    router.on_replica_actor_died(ReplicaID(first, POOL))

    assert await place(router, "model:tiny") == second
