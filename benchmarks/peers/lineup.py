"""Who takes part: the contenders that were asked for, their environments made."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from benchmarks.contenders import Work
from benchmarks.peers.clusters import DOORS, ours, plain_ray
from benchmarks.peers.facts import Absent
from benchmarks.peers.hosts import ClusterHost, Host, PeerHost
from benchmarks.peers.roster import PEERS, Peer, ports_of, tooling
from configs.environment import Environment
from models.environments import ToolEnvironment
from models.errors import ToolFailed
from models.progress import Progress

SERVE_FILE = Path(__file__).parents[2] / "serve_config.yaml"
NAMES = (*(peer.name for peer in PEERS), *DOORS, "headwater")
_PACKAGES = {"pytriton": "nvidia-pytriton"}
"""Where a peer's package is not called as it is."""


class Unknown(Exception):
    """No contender has that name."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(name, known)
        self.name, self.known = name, known

    def __str__(self) -> str:
        return f"{self.name} is no contender; there are {', '.join(self.known)}"


def lineup(
    environment: Environment,
    work: Work,
    names: Sequence[str],
    workers: int,
    progress: Progress,
) -> tuple[tuple[Host, ...], tuple[Absent, ...]]:
    """The contenders that are there, and those that cannot be installed.

    Raises:
        Unknown: a name is no contender's.
    """
    require_known(names)
    hosts: list[Host] = []
    missing: list[Absent] = []
    for peer in PEERS:
        if peer.name not in names:
            continue
        home = ToolEnvironment(tooling(peer.name), environment.home / "envs", progress)
        try:
            home.make()
        except ToolFailed as error:
            missing.append(Absent(name=peer.name, reason=str(error)))
        else:
            hosts.append(_host(peer, work, home.python, workers))
    hosts += _clusters(environment, work, names, workers)
    return tuple(hosts), tuple(missing)


def require_known(names: Sequence[str]) -> None:
    """Check the names that were asked for.

    Raises:
        Unknown: a name is no contender's.
    """
    for name in names:
        if name not in NAMES:
            raise Unknown(name, NAMES)


def pins() -> Mapping[str, str]:
    """The version of each peer itself, out of its pins."""
    found = {}
    for peer in PEERS:
        wanted = _PACKAGES.get(peer.name, peer.name)
        for pin in tooling(peer.name).requirements:
            name, _, version = pin.partition("==")
            if name == wanted:
                found[name] = version
    return found


def _host(peer: Peer, work: Work, python: Path, workers: int) -> Host:
    file = work.bare_model().file
    at = ports_of(peer.name)
    return PeerHost(peer, peer.subjects(work), at, python, file, workers)


def _clusters(
    environment: Environment, work: Work, names: Sequence[str], workers: int
) -> list[Host]:
    contenders = [plain_ray(work, name, workers) for name in DOORS if name in names]
    if "headwater" in names:
        contenders.append(ours(work, _serve_file(), workers))
    return [ClusterHost(one, environment) for one in contenders]


def _serve_file() -> dict[str, Any]:
    return dict(yaml.safe_load(SERVE_FILE.read_text(encoding="utf-8")))
