"""CPU time by what a process is for. `role_of` is pure, the rest asks psutil."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import psutil

_BY_TEXT: Mapping[str, str] = MappingProxyType(
    {
        "ray::ServeController": "Serve controller",
        "ray::HAProxyManager": "HAProxy manager",
        "ray::ProxyActor": "Python proxy",
        "raylet/raylet": "raylet",
        "gcs_server": "GCS",
        "dashboard/dashboard.py": "dashboard",
        "ray-dashboard": "dashboard",
        "dashboard/agent.py": "dashboard agent",
        "runtime_env/agent": "runtime-env agent",
    }
)
_REPLICA = "ray::ServeReplica:"
OTHER = "other Ray processes"


def role_of(name: str, command: str) -> str:
    """What a process of the cluster is for, from its name and its command line."""
    if name.startswith("haproxy"):
        return "HAProxy"
    if _REPLICA in command:
        # ray::ServeReplica:APPLICATION:DEPLOYMENT, or .METHOD while one is running
        title = command.split(_REPLICA)[1].split()[0]
        return "replica " + title.partition(":")[2].partition(".")[0]
    for text, role in _BY_TEXT.items():
        if text in command:
            return role
    return OTHER


def cpu_s_by_role(processes: Iterable[psutil.Process]) -> dict[str, float]:
    """CPU seconds so far, by role; processes that have ended are left out."""
    spent: dict[str, float] = {}
    for process in processes:
        try:
            role = role_of(process.name(), " ".join(process.cmdline()))
            times = process.cpu_times()
        except psutil.NoSuchProcess:  # it ended while we looked, zombies included
            continue
        spent[role] = spent.get(role, 0.0) + times.user + times.system
    return spent


def machine_busy_s() -> float:
    """CPU seconds so far in which this machine worked, or its host worked for others."""
    times = psutil.cpu_times()
    spent = times.user + times.nice + times.system
    # Linux counts these apart; other systems have no such fields.
    kinds = ("irq", "softirq", "steal")
    return float(spent + sum(getattr(times, kind, 0.0) for kind in kinds))
