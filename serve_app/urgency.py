"""What a client says about its deadline and priority, on every door. Pure.

- `x-request-timeout-ms`: an HTTP header, or gRPC metadata of that name.
- `timeout` and `priority`: parameters of an inference request, as Triton has them.
- gRPC's own deadline, which `serve_app.oip.deadlines` passes on.
"""

import math
from collections.abc import Mapping

from deployments.errors import InvalidInput
from deployments.messages import CALM, Parameter, Urgency

HEADER = "x-request-timeout-ms"
TIMEOUT = "timeout"
PRIORITY = "priority"

LONGEST_MS = 1e9
"""Eleven days: longer is as good as never."""


def read_urgency(
    model: str,
    parameters: Mapping[str, Parameter],
    within_ms: str | None,
    now_s: float,
) -> Urgency:
    """The urgency of a request to `model` that came at `now_s`.

    Args:
        model: for the text of an error.
        parameters: `timeout` in microseconds and `priority`; 0 is as good as none.
        within_ms: the header, as it came.
        now_s: the time, of `time.monotonic()`.

    Raises:
        InvalidInput: one of them is no such number.
    """
    if within_ms is None and not parameters:
        return CALM
    timeout_us = _whole(model, parameters, TIMEOUT)
    priority = _whole(model, parameters, PRIORITY)
    if within_ms is None and not timeout_us and not priority:
        return CALM
    return Urgency(
        None
        if within_ms is None
        else now_s + milliseconds(model, HEADER, within_ms) / 1e3,
        timeout_us / 1e6 if timeout_us else None,
        now_s,
        priority,
    )


def _whole(model: str, parameters: Mapping[str, Parameter], name: str) -> int:
    value = parameters.get(name, 0)
    if type(value) is not int or value < 0:
        raise InvalidInput(
            model, f"parameter '{name}' must be a whole number >= 0, got {value!r}"
        )
    return value


def milliseconds(model: str, name: str, text: str) -> float:
    """The duration that header `name` holds.

    Raises:
        InvalidInput: it holds something else.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not value >= 0:  # nan as well
        raise InvalidInput(
            model, f"{name} must be a number of milliseconds >= 0, got '{text[:40]}'"
        )
    return min(value, LONGEST_MS)
