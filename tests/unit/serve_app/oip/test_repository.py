"""What is read of load and unload requests, and how an index is told."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.control import Indexed, ReplicaState
from deployments.errors import InvalidInput
from serve_app.errors import NotOffered
from serve_app.oip.repository import (
    parameters_of,
    read_dependents,
    read_override,
    told_apart,
)

values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
configs = st.dictionaries(
    st.text(max_size=9), st.integers(-9, 9) | st.text(), max_size=3
)
given_parameters = st.dictionaries(
    st.sampled_from(["config", "file:1/model.onnx", "unload_dependents", "else"]),
    values | configs.map(json.dumps),
    max_size=2,
)


@given(configs)
def test_config_is_read_as_it_was_written(config: dict[str, object]):
    assert read_override("m", {"config": json.dumps(config)}) == config


@given(given_parameters)
def test_any_parameters_are_read_or_refused(parameters: dict[str, object]):
    for read in (read_override, read_dependents):
        try:
            found = read("m", parameters)
        except (InvalidInput, NotOffered):
            refused = True
        else:
            refused = False
            assert isinstance(found, dict | bool | None)
        assert parameters or not refused


@given(st.dictionaries(st.sampled_from(["parameters", "else"]), values, max_size=2))
def test_any_body_is_read_or_refused(body: dict[str, object]):
    try:
        found = parameters_of("m", body)
    except InvalidInput:
        assert body
    else:
        assert found == body.get("parameters", {})


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", "NaN", '{"a": 1} x'])
def test_config_that_is_no_object_is_refused(text: str):
    with pytest.raises(InvalidInput, match="parameter 'config'"):
        read_override("m", {"config": text})


def test_replicas_that_agree_are_not_told_apart():
    same = (ReplicaState("a", "READY"), ReplicaState("b", "READY"))
    index = Indexed("m", "1", "READY", "", same)

    assert told_apart(index) == index


def test_replicas_that_differ_are_told_after_the_common_reason():
    differ = (ReplicaState("a", "READY"), ReplicaState("b", "UNAVAILABLE", "full"))
    index = Indexed("m", "1", "READY", "half of it", differ)

    told = told_apart(index)

    assert told.reason == "half of it; a READY; b UNAVAILABLE (full)"
    assert (told.state, told.replicas) == ("READY", differ)
