"""Reading Serve's state from Ray's dashboard, without importing Ray."""

import http.client
import json
from pathlib import Path
from typing import Any

from serve_app.cluster.errors import ClusterError

TIMEOUT_S = 10.0


class DashboardSilent(ClusterError):
    """The dashboard gave no usable answer."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


def serve_details(port: int, token: Path) -> dict[str, Any]:
    """What Serve runs: Ray's `ServeInstanceDetails` as JSON.

    Raises:
        DashboardSilent: no dashboard, or one that does not know the token.
    """
    details = json.loads(get(port, "/api/serve/applications/", token))
    if not isinstance(details, dict):
        raise DashboardSilent(
            "the dashboard answered something else than Serve's state"
        )
    return details


def get(
    port: int, path: str, token: Path | None = None, host: str = "127.0.0.1"
) -> bytes:
    """The body of a page of this machine that answers 200.

    Raises:
        DashboardSilent: anything else.
    """
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        headers = {"Authorization": f"Bearer {token.read_text()}"} if token else {}
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise DashboardSilent(f"no answer from port {port}: {error}") from error
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise DashboardSilent(f"port {port} answered {answer.status}")
    return body
