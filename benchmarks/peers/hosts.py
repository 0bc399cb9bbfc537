"""Where a contender runs: a peer's server or a Ray cluster, started for one repeat."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil

from benchmarks.clusters import Cluster, Place
from benchmarks.contenders import Contender, Subject
from benchmarks.peers.roster import Peer, Ports, Setting, variables
from benchmarks.peers.server import Launch, Server, ServerFailed
from benchmarks.probe import WrongAnswer, probe
from benchmarks.processes import cpu_s_by_role
from configs.environment import Environment
from serve_app.cluster.ports import require_free

Clocks = Callable[[], Mapping[str, float]]
"""CPU seconds so far, by process."""

READY_S = 90.0
_POLL_S = 0.3


class Host(Protocol):
    """One contender with what is asked of it."""

    @property
    def name(self) -> str:
        """As it is chosen on the command line."""
        ...

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """Every way in that is measured."""
        ...

    def running(self, folder: Path, wanted: int) -> AbstractContextManager[Clocks]:
        """Run it in `folder`; it has answered with the class `wanted` before.

        Raises:
            ServerFailed: a peer does not start or answers wrongly.
            ClusterError: a cluster does not come up.
            WrongAnswer: a cluster answers with another class.
        """
        ...


@dataclass(frozen=True, slots=True)
class PeerHost:
    """A peer's server, on the ports that its subjects name."""

    peer: Peer
    subjects: tuple[Subject, ...]
    ports: Ports
    python: Path
    model_file: Path
    workers: int

    @property
    def name(self) -> str:
        """See `Host`."""
        return self.peer.name

    @contextlib.contextmanager
    def running(self, folder: Path, wanted: int) -> Iterator[Clocks]:
        """See `Host`."""
        setting = Setting(self.python, folder, self.ports, self.workers)
        require_free({f"HTTP port of {self.name}": self.ports.http})
        launch = Launch(
            self.name,
            self.peer.command(setting),
            variables(setting, self.model_file),
            folder,
        )
        with Server(launch) as server:
            _wait_ready(server, self, wanted)
            yield lambda: cpu_s_by_name(server.processes())


@dataclass(frozen=True, slots=True)
class ClusterHost:
    """A Ray cluster with plain Ray Serve or Headwater on it."""

    contender: Contender
    installation: Environment

    @property
    def name(self) -> str:
        """See `Host`."""
        return self.contender.name

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """See `Host`; the model alone, for that is what peers serve."""
        every = self.contender.subjects
        return tuple(one for one in every if one.fact.group == "model")

    @contextlib.contextmanager
    def running(self, folder: Path, wanted: int) -> Iterator[Clocks]:
        """See `Host`."""
        place = Place(folder, self.installation)
        with Cluster(place, self.contender.mode) as cluster:
            cluster.deploy(self.contender.config)
            for subject in self.subjects:
                probe(subject, wanted)
            yield lambda: cpu_s_by_role(cluster.processes())


def cpu_s_by_name(processes: list[psutil.Process]) -> dict[str, float]:
    """CPU seconds so far by the name of the program; ended processes are left out."""
    spent: dict[str, float] = {}
    for process in processes:
        try:
            name, times = process.name(), process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        spent[name] = spent.get(name, 0.0) + times.user + times.system
    return spent


def _wait_ready(server: Server, host: PeerHost, wanted: int) -> None:
    ends_s = time.monotonic() + READY_S
    while True:
        server.require_running()
        try:
            for subject in host.subjects:
                probe(subject, wanted)
        except (WrongAnswer, OSError) as error:  # not yet, or never
            if time.monotonic() >= ends_s:
                raise ServerFailed(host.name, str(error)) from error
            time.sleep(_POLL_S)
        else:
            return
