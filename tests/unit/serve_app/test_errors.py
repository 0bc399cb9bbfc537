"""The table of errors and their codes."""

import pickle

from grpc import StatusCode

from deployments.errors import (
    BackendFailed,
    InvalidInput,
    ModelNotFound,
    NotReady,
    Overloaded,
    ServingError,
)
from serve_app.errors import (
    INTERNAL,
    MAX_TEXT,
    STATUSES,
    UnsupportedMedia,
    refusal,
)


def leaves(root: type[ServingError]) -> set[type[ServingError]]:
    children = root.__subclasses__()
    found = {leaf for child in children for leaf in leaves(child)}
    return found or {root}


def ours(kind: type[ServingError]) -> bool:
    return kind.__module__.startswith(("deployments.", "serve_app."))


def test_every_leaf_has_its_row():
    assert {leaf for leaf in leaves(ServingError) if ours(leaf)} == set(STATUSES)


def test_every_row_is_an_error_on_both_protocols():
    assert all(400 <= status.http < 600 for status in STATUSES.values())
    assert all(status.grpc is not StatusCode.OK for status in STATUSES.values())


def test_text_of_the_error_reaches_the_client():
    refused = refusal(ModelNotFound("nope"))

    assert refused.text == "Request for unknown model: 'nope' is not found"
    assert refused.status.http == 404
    assert refused.retry_after_s is None


def test_waiting_time_is_rounded_up_to_whole_seconds():
    assert refusal(Overloaded("m", 9, 1.2)).retry_after_s == 2
    assert refusal(NotReady("m", 0.0)).retry_after_s == 1


def test_detail_of_a_failed_backend_stays_here():
    refused = refusal(BackendFailed("m", "/secret/path.onnx:17"))

    assert refused.text == "'m' failed on this request"


def test_error_of_an_unknown_kind_is_internal():
    class Odd(ServingError):
        """Not in the table."""

    assert refusal(Odd("10.0.0.1 said no")) == INTERNAL


def test_long_text_is_cut():
    assert len(refusal(InvalidInput("m", "x" * 10_000)).text) == MAX_TEXT


def test_unsupported_media_survives_pickling():
    error = UnsupportedMedia("br", "Content-Encoding must be gzip or deflate")

    copy = pickle.loads(pickle.dumps(error))

    assert str(copy) == "unsupported 'br': Content-Encoding must be gzip or deflate"
