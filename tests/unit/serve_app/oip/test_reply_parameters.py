"""What a reply says about itself reaches the client, on both protocols."""

import numpy as np
import orjson
from hypothesis import given
from hypothesis import strategies as st

from deployments.messages import Parameter, Reply, Request
from serve_app.oip import grpc_codec, http_codec
from serve_app.oip.call import Call, every_output
from tests.fakes_protocol import TABULAR

CALL = Call(TABULAR, Request("tabular", {}), every_output(TABULAR, binary=False))
OUTPUTS = {"probability": np.zeros((1, 2), np.float32)}

parameters = st.dictionaries(
    st.text(max_size=9),
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    max_size=4,
)


@given(parameters)
def test_parameters_keep_their_type_over_grpc(said: dict[str, Parameter]):
    response = grpc_codec.write_reply(CALL, Reply(OUTPUTS, said))

    got = {
        name: getattr(value, value.WhichOneof("parameter_choice") or "")
        for name, value in response.parameters.items()
    }
    assert got == said
    assert {n: type(v) for n, v in got.items()} == {n: type(v) for n, v in said.items()}


@given(parameters)
def test_parameters_keep_their_type_over_http(said: dict[str, Parameter]):
    body = http_codec.write_reply(CALL, Reply(OUTPUTS, said))

    message = orjson.loads(body.content)
    assert message.get("parameters", {}) == said
    assert ("parameters" in message) == bool(said)
