"""Gives processes a fixed part of a core, as a container's CPU limit does: Linux cgroups.

With it several replicas on a small machine are several times one replica, which they are not
while they share its cores.
"""

from collections.abc import Iterable
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PERIOD_US = 20_000


class SharesUnavailable(Exception):
    """This machine does not let us limit processes."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(folder, reason)
        self.folder, self.reason = folder, reason

    def __str__(self) -> str:
        return f"{self.folder}: {self.reason}; root and cgroups are needed"


class Shares:
    """A group for each process, removed when it is gone."""

    def __init__(self, name: str, cores: float, root: Path = ROOT) -> None:
        self._first = (root / "cpu") if (root / "cpu").is_dir() else root
        self._version = 1 if self._first != root else 2
        self._name, self._quota_us = name, max(1000, int(cores * PERIOD_US))
        self._held: dict[int, Path] = {}

    def hold(self, pids: Iterable[int]) -> None:
        """Limit these processes and let go of the others.

        Raises:
            SharesUnavailable: no group can be made or written.
        """
        wanted = set(pids)
        for pid in set(self._held) - wanted:
            self._release(pid)
        for pid in wanted - set(self._held):
            self._limit(pid)

    def _limit(self, pid: int) -> None:
        group = self._first / f"{self._name}-{pid}"
        try:
            group.mkdir(exist_ok=True)
            if self._version == 1:
                (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
                (group / "cpu.cfs_quota_us").write_text(str(self._quota_us))
            else:
                (group / "cpu.max").write_text(f"{self._quota_us} {PERIOD_US}")
            (group / "cgroup.procs").write_text(str(pid))
        except ProcessLookupError:
            group.rmdir()
            return
        except OSError as error:
            raise SharesUnavailable(group, error.strerror or str(error)) from error
        self._held[pid] = group

    def _release(self, pid: int) -> None:
        group = self._held.pop(pid)
        try:
            for line in (group / "cgroup.procs").read_text().split():
                (self._first / "cgroup.procs").write_text(line)
            group.rmdir()
        except OSError:
            return
