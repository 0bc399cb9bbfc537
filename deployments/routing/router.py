"""The request router of pool deployments; Ray Serve makes one in every caller."""

import random
import time
from typing import Any

from ray.serve._private.common import ReplicaID
from ray.serve._private.request_router.common import PendingRequest
from ray.serve.request_router import RequestRouter, RunningReplica

from deployments.routing.choice import Choice
from deployments.routing.seen import seen

ROUTED = "infer"
"""The method whose first argument is a node name; all others go anywhere."""

CROWDED = 2.0
"""Requests for each slot, beyond which every holder is asked, target or not."""


class PoolRouter(RequestRouter):
    """Sends requests to replicas that hold their model.

    Of two drawn from the best ones the less busy is taken; when none of them can take
    it, of two drawn from all.
    """

    def initialize_state(self, **kwargs: Any) -> None:
        """See `RequestRouter.initialize_state`."""
        self._choice = Choice()

    def update_replicas(self, replicas: list[RunningReplica]) -> None:
        """See `RequestRouter.update_replicas`: also when replicas told something new."""
        super().update_replicas(replicas)
        self._by_name = {_name(one): one for one in replicas}
        self._choice.see([seen(_name(one), one.routing_stats) for one in replicas])

    def on_replica_actor_died(self, replica_id: ReplicaID) -> None:
        """See `RequestRouter.on_replica_actor_died`."""
        super().on_replica_actor_died(replica_id)
        self._choice.lose(replica_id.unique_id)

    async def choose_replicas(
        self,
        candidate_replicas: list[RunningReplica],
        pending_request: PendingRequest | None = None,
    ) -> list[list[RunningReplica]]:
        """See `RequestRouter.choose_replicas`."""
        anyone = _two_of(candidate_replicas)
        if pending_request is not None:
            pending_request.routing_context.should_backoff = True
        node = _node(pending_request)
        if node is None:
            return [anyone]
        names = self._choice.targets(node, time.monotonic())
        targets = self._alive(names)
        if targets and all(self._is_crowded(one) for one in targets):
            targets = self._alive({*names, *self._choice.holders(node)})
        return [_two_of(targets), anyone] if targets else [anyone]

    def _fulfill_next_pending_request(
        self, replica: RunningReplica, request_metadata: Any = None
    ) -> None:
        """Give the replica to the request it was chosen for, and to no other.

        Ray finds that request by an id which all calls of one client request share, as
        the members of an ensemble are; each has its own metadata object, however.
        """
        for pending in self._pending_requests_to_fulfill:
            if pending.metadata is request_metadata and not pending.future.done():
                self._cancel_routing_task_for_pending_request(pending)
                self._record_queue_wait_time(pending)
                pending.future.set_result(replica)
                self._remove_pending_request_from_indices(pending)
                return

    def _alive(self, names: Any) -> list[RunningReplica]:
        found = (self._by_name.get(name) for name in names)
        return [one for one in found if one is not None]

    def _is_crowded(self, replica: RunningReplica) -> bool:
        ongoing = self.replica_queue_len_cache.get(replica.replica_id) or 0
        slots: int = seen(_name(replica), replica.routing_stats).slots
        return bool(ongoing > CROWDED * slots)


def _node(pending: PendingRequest | None) -> str | None:
    if pending is None or pending.metadata.call_method != ROUTED:
        return None
    return str(pending.args[0]) if pending.args else None


def _name(replica: RunningReplica) -> str:
    return str(replica.replica_id.unique_id)


def _two_of(replicas: list[RunningReplica]) -> list[RunningReplica]:
    return random.sample(replicas, min(2, len(replicas)))
