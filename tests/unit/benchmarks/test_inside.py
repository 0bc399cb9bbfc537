"""The in-process caller and how its clocks become parts."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.facts import HttpTarget
from benchmarks.inside import post, split_parts

SPENT_S = {
    "service": 0.9,
    "model": 0.8,
    "pipeline": 0.8,
    "preprocess": 0.2,
    "ensemble": 0.5,
    "postprocess": 0.1,
    "run": 0.4,
    "queue": 0.1,
}


async def echo(request: Request) -> Response:
    return Response(request.headers["x-kind"].encode() + await request.body())


APP = Starlette(routes=[Route("/echo", echo, methods=["POST"])])


@pytest.mark.parametrize("is_model", [True, False])
def test_parts_add_up_to_the_whole(is_model):
    parts = split_parts(is_model, 1.0, SPENT_S)

    assert sum(parts.values()) == pytest.approx(1.0)
    assert parts["protocol"] == pytest.approx(0.1)


async def test_application_gets_the_body_and_the_headers():
    target = HttpTarget(url="http://127.0.0.1:1/echo", headers={"X-Kind": "photo "})

    assert await post(APP, target, b"abc") == b"photo abc"


async def test_answer_that_is_not_good_stops_the_measurement():
    target = HttpTarget(url="http://127.0.0.1:1/nowhere")

    with pytest.raises(ValueError, match="answered 404"):
        await post(APP, target, b"")
