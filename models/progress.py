"""How a long step tells how far it is; the command line draws bars from it."""

from typing import Protocol


class Progress(Protocol):
    """Called as a step advances; `done == total` ends it."""

    def __call__(self, step: str, done: int, total: int) -> None:
        """`step` is at `done` of `total` (bytes, photos or runs); 0: not known yet."""
        ...


def silent(step: str, done: int, total: int) -> None:
    """Tells nobody."""
