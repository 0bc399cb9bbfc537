"""Trace and log settings: what they are, and what may be changed of them.

Tracing is off and stays off. Log settings say which records of Headwater and Ray Serve
every replica writes; where to is Ray Serve's affair.
Reference: the protocol's trace and logging extensions, as Triton has them.
"""

import logging
from collections.abc import Mapping

from deployments.control import Control
from deployments.errors import InvalidInput
from deployments.logs import log_level, write_from
from serve_app.errors import NotOffered
from serve_app.oip.repository import check_names

Setting = bool | int | str
Given = Mapping[str, object]

TRACE: Mapping[str, list[str] | str] = {
    "trace_level": ["OFF"],
    "trace_rate": "1000",
    "trace_count": "-1",
    "log_frequency": "0",
    "trace_file": "",
    "trace_mode": "triton",
}
"""Triton's settings while it does not trace."""

VERBOSE = "log_verbose_level"
LEVELS: Mapping[str, int] = {
    "log_info": logging.INFO,
    "log_warning": logging.WARNING,
    "log_error": logging.ERROR,
}
"""The flags, the chattiest first."""

UNEVEN = (
    f"a chattier log setting needs those above it: {VERBOSE} needs log_info, log_info "
    "needs log_warning, log_warning needs log_error"
)
FIXED: Mapping[str, Setting] = {"log_file": "", "log_format": "default"}
"""Where and how records are written, which Ray Serve decides."""


def trace_settings() -> dict[str, list[str] | str]:
    """The trace settings, of every model alike."""
    return dict(TRACE)


def check_trace(settings: Given) -> None:
    """Take what changes nothing; a None asks for the default, which is all there is.

    Raises:
        InvalidInput: there is no such setting.
        NotOffered: it would trace.
    """
    check_names("", settings, tuple(TRACE))
    for name, value in settings.items():
        if value not in (None, TRACE[name], [TRACE[name]]):
            raise NotOffered(f"trace setting '{name}' stays as it is: tracing is")


def log_settings() -> dict[str, Setting]:
    """The log settings as they are on this replica."""
    level = log_level()
    flags: dict[str, Setting] = {name: level <= at for name, at in LEVELS.items()}
    return {**flags, VERBOSE: int(level <= logging.DEBUG), **FIXED}


def read_level(current: Given, settings: Given) -> int:
    """The level of the `logging` module that `settings` come to.

    Args:
        current: all settings as they are.
        settings: what is to change.

    Raises:
        InvalidInput: there is no such setting, or no level is like that.
        NotOffered: it would write elsewhere or otherwise.
    """
    check_names("", settings, (*LEVELS, VERBOSE, *FIXED))
    for name, value in settings.items():
        _check(name, value)
    # Who only asks for more words does not have to name the flags below.
    before = dict.fromkeys(LEVELS, True) if settings.get(VERBOSE) else {}
    wanted = {**current, **before, **settings}
    heard = [level for name, level in LEVELS.items() if wanted[name]]
    needed = [*LEVELS.values()][len(LEVELS) - len(heard) :]
    if heard != needed or (wanted[VERBOSE] and not wanted["log_info"]):
        raise InvalidInput("", UNEVEN)
    if wanted[VERBOSE]:
        return logging.DEBUG
    return heard[0] if heard else logging.CRITICAL


async def change_log(settings: Given, control: Control | None) -> None:
    """Change the log settings of every replica; without `control`, of this process.

    Raises:
        InvalidInput, NotOffered: see `read_level`; nothing has changed.
        NotReady: a replica does not answer; those that do have changed.
    """
    if not settings:
        return
    level = read_level(log_settings(), settings)
    if control is None:
        write_from(level)
    else:
        await control.log(level)


def _check(name: str, value: object) -> None:
    if name in FIXED:
        if value != FIXED[name]:
            raise NotOffered(
                f"log setting '{name}' belongs to Ray Serve: changing it is"
            )
    elif name == VERBOSE:
        if type(value) is not int or value < 0:
            raise InvalidInput("", f"'{VERBOSE}' must be a whole number >= 0")
    elif not isinstance(value, bool):
        raise InvalidInput("", f"log setting '{name}' must be true or false")
