import pytest

from deployments.errors import InvalidInput
from deployments.messages import CALM, Urgency
from serve_app.urgency import read_urgency

NOW_S = 100.0


def read(parameters=None, within_ms=None):
    return read_urgency("m", parameters or {}, within_ms, NOW_S)


def test_request_that_says_nothing_is_calm():
    assert read() is CALM
    assert read({"k": 3}) is CALM


def test_header_is_a_deadline_in_milliseconds():
    assert read(within_ms="250") == Urgency(100.25, None, NOW_S, 0)
    assert read(within_ms="0.5").deadline_s == pytest.approx(100.0005)


def test_parameters_are_those_of_triton():
    assert read({"timeout": 20_000, "priority": 2}) == Urgency(None, 0.02, NOW_S, 2)


@pytest.mark.parametrize("parameters", [{"timeout": 0}, {"priority": 0}])
def test_zero_is_as_good_as_none(parameters):
    assert read(parameters) is CALM


@pytest.mark.parametrize("value", [-1, 1.5, "5", True])
@pytest.mark.parametrize("name", ["timeout", "priority"])
def test_parameter_that_is_no_whole_number_is_refused(name, value):
    expected = f"parameter '{name}' must be a whole number >= 0, got {value!r}"

    with pytest.raises(InvalidInput) as refused:
        read({name: value})

    assert str(refused.value) == expected


@pytest.mark.parametrize("text", ["", "soon", "-1", "nan", "1e3x"])
def test_header_that_is_no_duration_is_refused(text):
    with pytest.raises(InvalidInput, match="x-request-timeout-ms must be a number of"):
        read(within_ms=text)


def test_endless_header_is_as_good_as_very_long():
    assert read(within_ms="inf").deadline_s == NOW_S + 1e6


def test_absurd_whole_numbers_are_taken():
    urgency = read({"timeout": 2**64 - 1, "priority": 2**64 - 1})

    assert urgency.timeout_s == pytest.approx(2**64 / 1e6)
