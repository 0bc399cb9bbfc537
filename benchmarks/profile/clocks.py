"""CPU time and page faults of another process by its threads. Linux only."""

from dataclasses import dataclass
from pathlib import Path

FAULTS = 10 - 3
"""Where `stat` has the page faults that needed no disk, after the name: see proc(5)."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a process has used: its first thread, which has the event loop, and others."""

    loop_s: float
    threads_s: float
    faults: int

    def since(self, before: "Spent") -> "Spent":
        """What came after `before`."""
        return Spent(
            self.loop_s - before.loop_s,
            self.threads_s - before.threads_s,
            self.faults - before.faults,
        )


def spent(pid: int) -> Spent:
    """What process `pid` has used so far.

    Raises:
        OSError: it has ended.
    """
    root = Path(f"/proc/{pid}")
    used_s = {task.name: _cpu_s(task) for task in (root / "task").iterdir()}
    loop_s = used_s.pop(str(pid))
    fields = (root / "stat").read_text().rpartition(")")[2].split()
    return Spent(loop_s, sum(used_s.values()), int(fields[FAULTS]))


def _cpu_s(task: Path) -> float:
    return int((task / "schedstat").read_text().split()[0]) / 1e9
