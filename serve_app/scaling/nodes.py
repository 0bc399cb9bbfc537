"""Tells Ray's cluster autoscaler what will be needed, so that nodes are there in time.

Source: `ray.autoscaler.sdk.request_resources`. A request holds until the next one and is
the only one of its cluster; so it is made only where `fleet.node_start_s` is set.
"""

import logging
from collections.abc import Callable, Sequence

from deployments.autoscaling.live.keeper import Background, Runner
from deployments.autoscaling.live.room import Bundle

AGAIN_S = 60.0
"""A request is repeated so often, should the cluster have lost it."""

log = logging.getLogger("ray.serve")

Request = Callable[[list[dict[str, float]]], None]


def request_resources(bundles: list[dict[str, float]]) -> None:
    """Ask the cluster this process belongs to."""
    from ray.autoscaler import sdk

    sdk.request_resources(bundles=bundles)


class Nodes:
    """Makes a request when the need has changed, beside the ticks, never within them."""

    def __init__(
        self, request: Request = request_resources, runner: Runner | None = None
    ) -> None:
        self._request, self._runner = request, runner or Background()
        self._asked: tuple[Bundle, ...] | None = None
        self._asked_s = 0.0

    def need(self, bundles: Sequence[Bundle] | None, now_s: float) -> None:
        """Have the cluster make room for these; None: nobody is to be told."""
        if bundles is None or self._runner.busy:
            return
        needed = tuple(bundles)
        if needed == self._asked and 0 <= now_s - self._asked_s < AGAIN_S:
            return
        self._asked, self._asked_s = needed, now_s
        self._runner.start(lambda: self._ask(needed))

    def _ask(self, bundles: tuple[Bundle, ...]) -> None:
        try:
            self._request([dict(bundle) for bundle in bundles])
        # The outermost loop of a thread; the next request is tried whatever this one met.
        except Exception:
            log.warning("the cluster autoscaler was not told", exc_info=True)
