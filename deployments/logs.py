"""Which records this process writes to its log. Where to is Ray Serve's affair."""

import logging

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
