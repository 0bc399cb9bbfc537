"""What `headwater up` remembers of the cluster it started: one JSON file."""

import os
from pathlib import Path

from pydantic import Field

from configs.environment import Environment
from configs.spec import Spec, read_spec


class ProcessMark(Spec):
    """A process that cannot be mistaken for a later one with the same number."""

    pid: int
    created: float


class ClusterState(Spec):
    """One run of the local cluster."""

    run_id: str
    started: str
    head: ProcessMark | None
    folder: Path
    fingerprint: str
    settings: dict[str, str] = Field(default_factory=dict)
    revision: str = ""


def state_file(environment: Environment) -> Path:
    """Where the state of this installation's cluster is."""
    return environment.run / "state.json"


def token_file(environment: Environment) -> Path:
    """Where the token of this installation's cluster is."""
    return environment.run / "token"


def read_state(environment: Environment) -> ClusterState | None:
    """The remembered cluster; None when none was started.

    Raises:
        ConfigError: the file exists and is not ours.
    """
    file = state_file(environment)
    return read_spec(file, ClusterState) if file.is_file() else None


def write_state(environment: Environment, state: ClusterState) -> None:
    """Remember a cluster, in one step."""
    write_private(state_file(environment), state.model_dump_json(indent=2) + "\n")


def forget_state(environment: Environment) -> None:
    """Forget the cluster, its token and its shell lines."""
    for file in (
        state_file(environment),
        token_file(environment),
        environment.home / "env.sh",
    ):
        file.unlink(missing_ok=True)


def write_private(file: Path, content: str) -> None:
    """Write a file that only its owner may read."""
    scratch = file.with_name(f".{file.name}.new")
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT, 0o600), "w") as opened:
        opened.write(content)
    scratch.replace(file)
