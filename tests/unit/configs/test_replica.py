"""Bounds of a replica that only make sense together."""

import pytest
from pydantic import ValidationError

from configs.replica import ReplicaSpec
from serve_app.cluster.plan import ANSWER_TIMEOUT_S


def test_run_must_end_before_its_request():
    with pytest.raises(ValidationError, match="below request_timeout_s"):
        ReplicaSpec(run_timeout_s=60, request_timeout_s=60)


def test_request_ends_before_haproxy_gives_up():
    with pytest.raises(ValidationError, match="request_timeout_s"):
        ReplicaSpec(request_timeout_s=ANSWER_TIMEOUT_S)
