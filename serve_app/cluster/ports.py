"""Which of the ports we need is taken, and by whom."""

import contextlib
import errno
import socket
from collections.abc import Mapping

import psutil

from serve_app.cluster import processes
from serve_app.cluster.errors import PortTaken


def require_free(wanted: Mapping[str, int]) -> None:
    """Check ports by the name of the setting that chose each.

    Raises:
        PortTaken: for the first one that somebody listens on.
    """
    for setting, port in wanted.items():
        if is_taken(port):
            raise PortTaken(port, holder(port), setting)


def is_taken(port: int) -> bool:
    """Whether somebody listens on the port, on loopback or on every address."""
    with contextlib.closing(socket.socket(socket.AF_INET)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return True
            raise
    return False


def holder(port: int) -> str:
    """Who listens on the port, as far as we may know."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return "another process"
    for connection in connections:
        if (
            connection.status == psutil.CONN_LISTEN
            and connection.laddr
            and connection.laddr.port == port
            and connection.pid is not None
        ):
            return processes.named(connection.pid)
    return "another process"
