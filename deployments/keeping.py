"""Room for opened photos: how much of them a replica keeps in memory together."""

import threading
import weakref
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field

from PIL.Image import Image

ROOM_PIXELS = 16_000_000
"""Of all photos that are kept on a replica; a pixel takes 4 bytes."""


class Room:
    """Counts the pixels of photos from when they are kept until nobody has them any more."""

    def __init__(self, pixels: int = ROOM_PIXELS) -> None:
        self._free = pixels
        self._given_back: deque[int] = deque()
        self._lock = threading.Lock()

    def takes(self, photo: Image) -> bool:
        """Keep a photo, if there is room for it; from any thread."""
        pixels = photo.width * photo.height
        with self._lock:
            while self._given_back:
                self._free += self._given_back.popleft()
            if pixels > self._free:
                return False
            self._free -= pixels
        # A photo may end anywhere, also where the lock is held: what it gives back waits.
        ended = weakref.finalize(photo, self._given_back.append, pixels)
        ended.atexit = False
        return True


@dataclass(frozen=True, slots=True)
class Later:
    """The crops, by name, that are made when somebody asks, and the room for their photos."""

    names: Collection[str] = ()
    room: Room = field(default_factory=Room)
