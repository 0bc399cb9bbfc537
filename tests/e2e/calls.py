"""Calls a client would make, over HTTP with httpx and over gRPC with our own stubs."""

import grpc
import httpx
import numpy as np

from serve_app.oip import inference_pb2 as pb
from serve_app.oip.inference_pb2_grpc import GRPCInferenceServiceStub

TIMEOUT_S = 60


def grpc_stub(address):
    """A stub on a channel of its own."""
    options = [("grpc.max_receive_message_length", -1)]
    return GRPCInferenceServiceStub(grpc.insecure_channel(address, options))


def bytes_tensor(*elements):
    """BYTES elements as the protocol's raw form."""
    return b"".join(len(e).to_bytes(4, "little") + e for e in elements)


def ask_photo_http(base, content, **query):
    """The friendly route's answer to one photo."""
    return httpx.post(
        f"{base}/v1/pipelines/vision", content=content, params=query, timeout=TIMEOUT_S
    )


def ask_photos_grpc(stub, *contents, name="vision"):
    """ModelInfer of some photos; returns the response."""
    request = pb.ModelInferRequest(model_name=name)
    tensor = request.inputs.add(name="image", datatype="BYTES", shape=[len(contents)])
    tensor.contents.bytes_contents.extend(contents)
    return stub.ModelInfer(request, timeout=TIMEOUT_S)


def ask_rows_grpc(stub, name, tensor, rows):
    """ModelInfer of FP32 rows in raw form; returns the first output as an array."""
    request = pb.ModelInferRequest(model_name=name)
    request.inputs.add(name=tensor, datatype="FP32", shape=rows.shape)
    request.raw_input_contents.append(rows.tobytes())
    response = stub.ModelInfer(request, timeout=TIMEOUT_S)
    raw = np.frombuffer(response.raw_output_contents[0], np.float32)
    return raw.reshape(response.outputs[0].shape)


def ask_json(base, name, body):
    """The OIP route's answer to a JSON body."""
    return httpx.post(f"{base}/v2/models/{name}/infer", json=body, timeout=TIMEOUT_S)


def output(answer, name):
    """One output of an OIP JSON answer, as nested rows."""
    found = {o["name"]: o for o in answer.json()["outputs"]}[name]
    return np.array(found["data"]).reshape(found["shape"]).tolist()
