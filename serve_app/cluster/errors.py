"""What stops the local cluster, each with what the operator can do.

- ClusterError: the root
  - PortTaken: another process listens where we want to
  - Busy: another command starts or ends the cluster
  - StartFailed: Ray did not come up
  - StillRunning: processes of a run outlive every signal
  - SettingsChanged: the running cluster was started with other settings
  - NotRunning: there is no cluster of ours
  - DeployRefused: `serve deploy` did not take the file
  - Unhealthy: a deployment did not become healthy
"""

from pathlib import Path


class ClusterError(Exception):
    """The root."""


class PortTaken(ClusterError):
    """Another process listens on a port that we need."""

    def __init__(self, port: int, holder: str, setting: str) -> None:
        super().__init__(port, holder, setting)
        self.port, self.holder, self.setting = port, holder, setting

    def __str__(self) -> str:
        return f"port {self.port} is in use by {self.holder}; change {self.setting}"


class Busy(ClusterError):
    """Another command starts or ends the cluster of this home."""

    def __init__(self, holder: str, home: Path) -> None:
        super().__init__(holder, home)
        self.holder, self.home = holder, home

    def __str__(self) -> str:
        return (
            f"{self.holder} is still at work in {self.home}; "
            "wait for it or end it, then try again"
        )


class StartFailed(ClusterError):
    """Ray did not come up."""

    def __init__(self, reason: str, log: Path) -> None:
        super().__init__(reason, log)
        self.reason, self.log = reason, log

    def __str__(self) -> str:
        return f"Ray did not start: {self.reason}; its log is {self.log}"


class StillRunning(ClusterError):
    """Processes of a run are there although they were told to end, then killed."""

    def __init__(self, run_id: str, names: tuple[str, ...]) -> None:
        super().__init__(run_id, names)
        self.run_id, self.names = run_id, names

    def __str__(self) -> str:
        return (
            f"run {self.run_id} does not end: {', '.join(self.names)} outlived SIGKILL; "
            "end what holds them, then run `headwater down` again"
        )


class SettingsChanged(ClusterError):
    """What runs was started with other settings than those wanted now."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return (
            f"the running cluster has other settings ({self.what}); "
            "run `headwater down` first"
        )


class NotRunning(ClusterError):
    """There is no local cluster of ours."""

    def __str__(self) -> str:
        return "no local cluster is running; start one with `headwater up`"


class DeployRefused(ClusterError):
    """`serve deploy` ended with an error."""

    def __init__(self, file: Path, output: str) -> None:
        super().__init__(file, output)
        self.file, self.output = file, output

    def __str__(self) -> str:
        return f"serve deploy refused {self.file}: {self.output}"


class Unhealthy(ClusterError):
    """Something that was deployed did not become healthy."""

    def __init__(self, subject: str, reason: str) -> None:
        super().__init__(subject, reason)
        self.subject, self.reason = subject, reason

    def __str__(self) -> str:
        return f"{self.subject} is not healthy: {self.reason}"
