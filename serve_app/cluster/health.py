"""Is what was deployed healthy, and if not, what and why? Pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# UNHEALTHY is not among them: Serve leaves that state by itself when it replaces a
# replica that died.
BROKEN = "DEPLOY_FAILED"
MESSAGE_LINES = 12


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that will not become healthy by waiting."""

    application: str
    deployment: str | None
    reason: str

    @property
    def subject(self) -> str:
        """What to call it in a sentence."""
        if self.deployment is None:
            return f"application {self.application}"
        return f"deployment {self.deployment} of application {self.application}"


@dataclass(frozen=True, slots=True)
class Health:
    """One look at Serve. Healthy: nothing pending and no fault."""

    pending: tuple[str, ...]
    fault: Fault | None

    @property
    def healthy(self) -> bool:
        """Whether everything answers."""
        return not self.pending and self.fault is None


def judge(details: Mapping[str, Any], wanted: Collection[str]) -> Health:
    """Judge Ray's `ServeInstanceDetails`; `wanted` are the names of applications."""
    applications: Mapping[str, Any] = details.get("applications") or {}
    found = [(name, applications.get(name)) for name in wanted]
    pending = [line for name, one in found for line in _pending(name, one)]
    pending += _pending_proxies(details)
    faults = [fault for name, one in found if one for fault in _faults(name, one)]
    return Health(tuple(pending), faults[0] if faults else None)


def replica_counts(deployment: Mapping[str, Any]) -> tuple[int, int]:
    """Running and wanted replicas of a deployment."""
    replicas = deployment.get("replicas") or []
    running = sum(replica.get("state") == "RUNNING" for replica in replicas)
    return running, int(deployment.get("target_num_replicas") or 0)


def last_lines(message: str, count: int = MESSAGE_LINES) -> str:
    """The end of a message, where a traceback says what happened."""
    lines = [line.rstrip() for line in message.strip().splitlines() if line.strip()]
    return "\n".join(lines[-count:])


def _pending(name: str, application: Mapping[str, Any] | None) -> Iterator[str]:
    if application is None:
        yield f"{name}: not there yet"
        return
    deployments = application.get("deployments") or {}
    for deployment, state in deployments.items():
        running, target = replica_counts(state)
        if state.get("status") != "HEALTHY":
            status = str(state.get("status")).lower()
            yield f"{deployment}: {status}, {running} of {target} replicas"
    if application.get("status") != "RUNNING":
        yield f"{name}: {str(application.get('status')).lower()}"


def _pending_proxies(details: Mapping[str, Any]) -> Iterator[str]:
    proxies = (details.get("proxies") or {}).values()
    if not proxies:
        yield "front door: not there yet"
    for proxy in proxies:
        if proxy.get("status") != "HEALTHY":
            yield f"front door: {str(proxy.get('status')).lower()}"


def _faults(name: str, application: Mapping[str, Any]) -> Iterator[Fault]:
    for deployment, state in (application.get("deployments") or {}).items():
        if state.get("status") == BROKEN:
            yield Fault(name, deployment, last_lines(state.get("message") or ""))
    if application.get("status") == BROKEN:
        yield Fault(name, None, last_lines(application.get("message") or ""))
