"""Everything that can go wrong with a request, grouped by who must act.

- ServingError: the root
  - ModelNotFound: the caller chose a name that is not served
  - VersionNotFound: the caller chose a version that is not served
  - NoAvailableVersion: an operator took every version of the name away
  - InvalidInput: the caller sent something the model refuses
  - PayloadTooLarge: the caller sent more bytes than the gate lets in
  - Overloaded: the caller comes back after `retry_after_s`
  - QueueTimeout: the caller waited as long as the model's queue lets it
  - DeadlineExceeded: the answer would come too late; nothing is computed
  - Saturated: the caller comes back after `retry_after_s`
  - NotReady: the caller comes back; nothing can answer yet
  - LoadFailed: the caller comes back after `retry_after_s`; we look: it does not load
  - BackendFailed: we look: the runtime failed on a good request

Texts follow the Open Inference Protocol answers of Triton where one exists, because
clients match on them. None of them may hold a path, an address or a traceback.
"""


class ServingError(Exception):
    """The root: whatever a front end must turn into an answer."""


class ModelNotFound(ServingError):
    """No model or pipeline of that name is served."""

    def __init__(self, model: str) -> None:
        super().__init__(model)
        self.model = model

    def __str__(self) -> str:
        return f"Request for unknown model: '{self.model}' is not found"


class VersionNotFound(ServingError):
    """The model is served, that version of it is not."""

    def __init__(self, model: str, version: str) -> None:
        super().__init__(model, version)
        self.model, self.version = model, version

    def __str__(self) -> str:
        return (
            f"Request for unknown model: '{self.model}' version {self.version} "
            "is not found"
        )


class NoAvailableVersion(ServingError):
    """The model is known, but was unloaded on purpose."""

    def __init__(self, model: str) -> None:
        super().__init__(model)
        self.model = model

    def __str__(self) -> str:
        return f"Request for unknown model: '{self.model}' has no available versions"


class InvalidInput(ServingError):
    """The request cannot be answered as it is; the reason says what was wanted."""

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(model, reason)
        self.model, self.reason = model, reason

    def __str__(self) -> str:
        return self.reason


class PayloadTooLarge(ServingError):
    """The body is larger than the gate lets in."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(limit_bytes)
        self.limit_bytes = limit_bytes

    def __str__(self) -> str:
        return f"request body must be at most {self.limit_bytes} bytes"


class Overloaded(ServingError):
    """The model's queue is full."""

    def __init__(self, model: str, queued: int, retry_after_s: float) -> None:
        super().__init__(model, queued, retry_after_s)
        self.model, self.queued, self.retry_after_s = model, queued, retry_after_s

    def __str__(self) -> str:
        return f"Exceeds maximum queue size: '{self.model}' has {self.queued} waiting"


class QueueTimeout(ServingError):
    """The request waited longer than the policy of its queue allows."""

    def __init__(self, model: str, waited_s: float) -> None:
        super().__init__(model, waited_s)
        self.model, self.waited_s = model, waited_s

    def __str__(self) -> str:
        return (
            f"Request timeout expired: it waited {self.waited_s * 1e3:.0f} ms for "
            f"'{self.model}'"
        )


class DeadlineExceeded(ServingError):
    """The request cannot be answered before its deadline, or is not any more."""

    def __init__(self, model: str, left_s: float, needed_s: float) -> None:
        super().__init__(model, left_s, needed_s)
        self.model, self.left_s, self.needed_s = model, left_s, needed_s

    def __str__(self) -> str:
        if self.left_s <= 0:
            return f"deadline exceeded: it is over before '{self.model}' could answer"
        return (
            f"deadline exceeded: '{self.model}' needs {self.needed_s * 1e3:.1f} ms at "
            f"best, {self.left_s * 1e3:.1f} ms are left"
        )


class Saturated(ServingError):
    """The replica holds as many bytes of unanswered requests as it may."""

    def __init__(self, model: str, held_bytes: int, retry_after_s: float) -> None:
        super().__init__(model, held_bytes, retry_after_s)
        self.model, self.held_bytes = model, held_bytes
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return (
            f"too many bytes in flight for '{self.model}': {self.held_bytes} are not "
            "answered yet"
        )


class NotReady(ServingError):
    """The node that must answer is not there at the moment."""

    def __init__(self, model: str, retry_after_s: float) -> None:
        super().__init__(model, retry_after_s)
        self.model, self.retry_after_s = model, retry_after_s

    def __str__(self) -> str:
        return f"'{self.model}' is not ready, try again"


class LoadFailed(ServingError):
    """The model cannot be loaded now; `reason` is fit for the client."""

    def __init__(self, model: str, reason: str, retry_after_s: float) -> None:
        super().__init__(model, reason, retry_after_s)
        self.model, self.reason = model, reason
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return f"failed to load '{self.model}': {self.reason}"


class BackendFailed(ServingError):
    """The runtime failed; `detail` is for our log, never for the client."""

    def __init__(self, model: str, detail: str) -> None:
        super().__init__(model, detail)
        self.model, self.detail = model, detail

    def __str__(self) -> str:
        return f"'{self.model}' failed on this request"
