"""Ray shells of control: every replica of a deployment, and Ray's own key-value store."""

import asyncio
import logging
from typing import Any

from ray import serve
from ray.exceptions import RayActorError, RayTaskError
from ray.experimental.internal_kv import (
    _internal_kv_del,
    _internal_kv_get,
    _internal_kv_list,
    _internal_kv_put,
)
from ray.serve.exceptions import DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle

from deployments.errors import BackendFailed, NotReady, ServingError

LOADED_WITHIN_S = 110.0
"""Longer than a load may take, shorter than a front door waits."""

TOLD_WITHIN_S = 10.0
"""What only tells something computes nothing."""

TELLING = ("report", "tell_statistics", "follow_log")
COME_BACK_S = 5.0

APPEAR_WITHIN_S = 2.0
"""A handle that was just made does not know its replicas yet."""

PAUSE_S = 0.1

log = logging.getLogger(__name__)


class RayFleet:
    """Implements `repository.Fleet` for the application of this replica."""

    def __init__(self) -> None:
        self._application = serve.get_replica_context().app_name
        self._handles: dict[str, DeploymentHandle[Any]] = {}

    async def tell(self, deployment: str, method: str, *args: object) -> list[Any]:
        """See `Fleet.tell`; of a deployment without replicas nobody answers."""
        told = await self._broadcast(deployment, method, *args)
        return [answer for answer in map(_judged, told) if answer is not None]

    async def _broadcast(
        self, deployment: str, method: str, *args: object
    ) -> list[Any]:
        waited_s = 0.0
        while True:
            asked = self._handle(deployment).broadcast(method, *args)
            within_s = TOLD_WITHIN_S if method in TELLING else LOADED_WITHIN_S
            try:
                return await asked.results_async(
                    timeout_s=within_s, return_exceptions=True
                )
            except TimeoutError:
                log.warning("%s did not %s in %g s", deployment, method, within_s)
                raise NotReady(deployment, COME_BACK_S) from None
            except DeploymentUnavailableError:
                if waited_s >= APPEAR_WITHIN_S:
                    log.info("%s has no replica that could %s", deployment, method)
                    return []
            await asyncio.sleep(PAUSE_S)
            waited_s += PAUSE_S

    def _handle(self, deployment: str) -> "DeploymentHandle[Any]":
        if deployment not in self._handles:
            handle = serve.get_deployment_handle(deployment, self._application)
            self._handles[deployment] = handle
        return self._handles[deployment]


class RayKeys:
    """Implements `board.Keys` in the control store of the Ray cluster."""

    def __init__(self, application: str) -> None:
        self._namespace = f"headwater/{application}".encode()

    def names(self, prefix: str) -> list[str]:
        """See `Keys.names`."""
        found = _internal_kv_list(prefix, namespace=self._namespace)
        return [name.decode() for name in found]

    def get(self, name: str) -> bytes | None:
        """See `Keys.get`."""
        content: bytes | None = _internal_kv_get(name, namespace=self._namespace)
        return content

    def add(self, name: str, content: bytes) -> bool:
        """See `Keys.add`."""
        was_there: bool = _internal_kv_put(
            name, content, overwrite=False, namespace=self._namespace
        )
        return not was_there

    def remove(self, name: str) -> None:
        """See `Keys.remove`."""
        _internal_kv_del(name, namespace=self._namespace)


def _judged(answer: Any) -> Any:
    """An answer; None from a replica that has died, or is about to.

    Raises:
        ServingError: the replica could not do it.
    """
    if not isinstance(answer, BaseException):
        return answer
    cause = answer.cause if isinstance(answer, RayTaskError) else answer
    if isinstance(cause, ServingError):
        raise cause
    if isinstance(answer, RayActorError):
        log.warning("a replica died before it answered: %s", answer)
        return None
    raise BackendFailed("control", f"{type(cause).__name__}: {cause}") from answer
