"""The policy class that a Serve file names. Ray copies it by value: it holds nothing itself.

Ray calls it in the controller, several times a second and for the whole application. An
exception, from here or from making the object, would stop the updates of every application;
so nothing is done when it is made, and nothing that is raised gets out.
"""

import logging
import math
from typing import Any

log = logging.getLogger("ray.serve")


class HeadwaterPolicy:
    """`policy_function: serve_app.scaling.policy:HeadwaterPolicy`.

    `policy_kwargs`: `home`, where state and journal are kept (none: HEADWATER_HOME), and
    `metrics`, false to show no gauges.
    """

    def __init__(self, **settings: Any) -> None:
        self._settings, self._failed = settings, 0
        self._shell: Any = None

    def __call__(self, contexts: Any) -> tuple[dict[Any, int], dict[Any, Any]]:
        """How many replicas each deployment shall have; one left out keeps what it has."""
        try:
            if not contexts:
                return {}, {}
            if self._shell is None:
                from serve_app.scaling.begin import shell_of

                application = next(iter(contexts)).app_name
                self._shell = shell_of(application, self._settings)
            return self._shell.decide(contexts), {}
        # The last resort: the shell itself cannot be made or does not hold.
        except Exception:
            self._failed += 1
            if self._failed % 240 == 1:
                log.exception("autoscaling does not run; replicas only grow with load")
            return _grown(contexts), {}


def _grown(contexts: Any) -> dict[Any, int]:
    """Never fewer than now, more when so many requests are there."""
    try:
        return {
            key: max(
                one.target_num_replicas,
                math.ceil(
                    one.total_num_requests / one.config.get_target_ongoing_requests()
                ),
            )
            for key, one in contexts.items()
        }
    except Exception:  # noqa: BLE001
        return {}
