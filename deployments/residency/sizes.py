"""What a model takes in memory: measured where it was loaded, else guessed. Pure."""

from collections import Counter, deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from deployments.residency.eviction import Room

GUESS = 2.0
"""Bytes taken for a byte of the file, before a load has told."""

OVERHEAD_BYTES = 2 << 20
"""What a runtime takes for a model without weights."""

DRIFT_SHARE, DRIFT_BYTES = 0.25, 8 << 20
"""A load that takes so much more or less than before is told."""

LEARN = 0.3
KEEP = 3
"""Loads whose median counts: one that others' memory fell into does not decide."""


class Record(Protocol):
    """What files took in earlier processes on machines like this, beside the file."""

    def read(self, digest: str) -> Room | None:
        """None: nothing is known."""
        ...

    def keep(self, digest: str, taken: Room) -> None:
        """Let this be known from now on."""
        ...


class Nothing:
    """A record of nothing, that keeps nothing."""

    def read(self, digest: str) -> Room | None:
        """See `Record.read`."""
        return None

    def keep(self, digest: str, taken: Room) -> None:
        """See `Record.keep`."""


class Sizes:
    """Remembers by digest; a file takes the same whatever it is called.

    What is counted on the host is what a load took of the process's own memory, and the
    file: its pages are mapped or in the system's cache. Replicas on a node share them,
    and each counts them.
    """

    def __init__(self, on_device: bool = False, record: Record | None = None) -> None:
        self._on_device, self._record = on_device, record or Nothing()
        self._taken: dict[str, deque[Room]] = {}
        self._rough: dict[str, Room] = {}
        self._loads: Counter[str] = Counter()
        self._ratio = GUESS

    def expect(self, digest: str, size_bytes: int) -> Room:
        """What a load of that file and runtime will take, `size_bytes` being the file's."""
        taken = self._taken.get(digest)
        if taken:
            return _median(taken) + Room(size_bytes)
        if digest in self._rough:
            return self._rough[digest] + Room(size_bytes)
        recorded = self._record.read(digest)
        if recorded is not None:
            return recorded + Room(size_bytes)
        guess = int(OVERHEAD_BYTES + (1 + self._ratio) * size_bytes)
        return Room(guess, guess if self._on_device else 0)

    def knows(self, digest: str) -> bool:
        """Whether it was measured with nothing else going on, here or before."""
        return digest in self._taken or self._record.read(digest) is not None

    def is_sure(self, digest: str) -> bool:
        """Whether it was measured often enough to refuse the model for its size."""
        return self._loads[digest] >= KEEP

    def learn(
        self, digest: str, size_bytes: int, measured: Room, alone: bool = True
    ) -> Room:
        """Take note of a load; returns what is counted for it from now on.

        One that was not `alone`, because others came or went meanwhile, counts only as
        long as there is none that was.
        """
        taken = Room(max(0, measured.host), max(0, measured.device))
        self._loads[digest] += 1
        if not alone:
            self._rough[digest] = _larger(taken, self._rough.get(digest, Room()))
            return self.expect(digest, size_bytes)
        if size_bytes > OVERHEAD_BYTES and digest not in self._taken:
            ratio = max(taken.host, taken.device) / size_bytes
            self._ratio += LEARN * (ratio - self._ratio)
        self._taken.setdefault(digest, deque(maxlen=KEEP)).append(taken)
        self._write_down(digest)
        return self.expect(digest, size_bytes)

    def _write_down(self, digest: str) -> None:
        """Keep what is new, or was measured often enough to be believed instead."""
        now, before = _median(self._taken[digest]), self._record.read(digest)
        is_new = before is None or (self.is_sure(digest) and drift(before, now))
        if is_new:
            self._record.keep(digest, now)


def _larger(one: Room, other: Room) -> Room:
    return Room(max(one.host, other.host), max(one.device, other.device))


def _median(taken: Collection[Room]) -> Room:
    """Of two, the larger."""
    middle = len(taken) // 2
    return Room(
        sorted(room.host for room in taken)[middle],
        sorted(room.device for room in taken)[middle],
    )


def drift(expected: Room, measured: Room, full: bool = True) -> str:
    """In words, how far a load is from what was expected; empty: it is not.

    One that was not `full` may take less.
    """
    for kind, want, got in (
        ("memory", expected.host, measured.host),
        ("device memory", expected.device, measured.device),
    ):
        off = abs(got - want) if full else got - want
        if off > max(DRIFT_BYTES, DRIFT_SHARE * want):
            return f"took {got} bytes of {kind}, expected were {want}"
    return ""


def beyond(peak_bytes: int | None, measured: Room) -> str:
    """In words, how far a load is above the peak of its card; empty: it is not.

    Less is no drift: a peak holds what is free again after a load.
    """
    if peak_bytes is None:
        return ""
    return drift(Room(peak_bytes, measured.device), measured, full=False)


@dataclass(slots=True)
class Shares:
    """Splits what a process grew by among the loads that ran meanwhile.

    Whatever else grew at that time is counted too: too much rather than too little.
    """

    _last: Room = field(default_factory=Room)
    _expected: dict[str, Room] = field(default_factory=dict)
    _taken: dict[str, tuple[float, float]] = field(default_factory=dict)
    _crowded: set[str] = field(default_factory=set)

    def begin(self, key: str, expected: Room, now: Room) -> None:
        """A load begins while the process takes `now`."""
        self._split(now)
        self._expected[key] = expected
        self._taken[key] = (0.0, 0.0)
        if len(self._expected) > 1:
            self._crowded.update(self._expected)

    def was_alone(self, key: str) -> bool:
        """Whether nothing else came or went during a load; asked once, at its end."""
        alone = key not in self._crowded
        self._crowded.discard(key)
        return alone

    def end(self, key: str, now: Room) -> Room:
        """A load is over; its share of what was taken since it began."""
        self._split(now)
        del self._expected[key]
        host, device = self._taken.pop(key)
        return Room(int(host), int(device))

    def forget(self, key: str) -> None:
        """A load is over, and nobody knows what it took."""
        self._expected.pop(key, None)
        self._taken.pop(key, None)
        self._crowded.discard(key)

    def pause(self, now: Room) -> None:
        """Something else, as an unload, is about to change what is taken."""
        self._split(now)
        self._crowded.update(self._expected)

    def resume(self, now: Room) -> None:
        """It has, and the process takes `now`."""
        self._last = now

    def _split(self, now: Room) -> None:
        grown, self._last = now - self._last, now
        for key, (host, device) in self._taken.items():
            part = _part(self._expected, key)
            self._taken[key] = (host + part * grown.host, device + part * grown.device)


def _part(expected: Mapping[str, Room], key: str) -> float:
    sizes = {other: room.host + room.device for other, room in expected.items()}
    whole = sum(sizes.values())
    return sizes[key] / whole if whole else 1 / len(expected)
