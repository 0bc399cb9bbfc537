"""Which records this process writes to its log. Where to is Ray Serve's affair."""

import logging
from collections.abc import Callable

LOGGERS = ("serve_app", "deployments", "models", "configs", "ray.serve")
"""Whose records an operator lets through."""


def log_level() -> int:
    """The least level that is written, a number of the `logging` module."""
    return logging.getLogger(LOGGERS[0]).getEffectiveLevel()


def write_from(level: int) -> None:
    """Write records of `level` and above, and no others, from now on."""
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(level)
        if not logger.hasHandlers():  # else only warnings would be written
            logger.addHandler(logging.StreamHandler())


class Seldom:
    """Lets through the first of its kind, then at most one in `every_s`."""

    def __init__(self, every_s: float, clock: Callable[[], float]) -> None:
        self._every_s, self._clock = every_s, clock
        self._last_s: dict[str, float] = {}

    def may(self, kind: str) -> bool:
        """Whether one more is let through now."""
        now_s, last_s = self._clock(), self._last_s.get(kind)
        if last_s is not None and now_s - last_s < self._every_s:
            return False
        self._last_s[kind] = now_s
        return True
