"""Asks a running server everything through the unmodified Triton client.

A plain program for its own environment (constraints-client.txt): the client needs an
older protobuf than Ray Serve does. Runs the same checks through the four clients, HTTP
and gRPC, blocking and asyncio, and further ones that only one protocol has.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc
import numpy as np
from control import OPERATED, WITHOUT_CHANGE  # type: ignore[import-not-found]
from faces import (  # type: ignore[import-not-found]  # it lies beside this program
    MODEL_TIMEOUT_S,
    Face,
    Target,
    Tensor,
    close,
    fetch,
    open_faces,
    pixels,
    refused,
    same,
    streamed,
)
from tritonclient.grpc import (  # type: ignore[import-not-found]
    service_pb2,
    service_pb2_grpc,
)

NOT_FOUND = ("404", "NOT_FOUND")
INVALID = ("400", "INVALID_ARGUMENT")


async def health(face: Face) -> None:
    same(True, await face.call("is_server_live"))
    same(True, await face.call("is_server_ready"))
    same(True, await face.call("is_model_ready", face.target.model))
    same(True, await face.call("is_model_ready", face.target.pipeline))


async def server_metadata(face: Face) -> None:
    metadata = await face.document("get_server_metadata")
    same("headwater", metadata["name"])
    same(True, "binary_tensor_data" in metadata["extensions"])


async def model_metadata(face: Face) -> None:
    metadata = await face.document("get_model_metadata", face.target.model)
    same(face.target.model, metadata["name"])
    same(1, len(metadata["versions"]))
    same("-1", str(metadata["inputs"][0]["shape"][0]))


async def model_config(face: Face) -> None:
    config = await face.document("get_model_config", face.target.model)
    config = config.get("config", config)
    same(face.target.model, config["name"])
    same(True, int(config["max_batch_size"]) >= 1)
    ensemble = await face.document("get_model_config", face.target.pipeline)
    ensemble = ensemble.get("config", ensemble)
    same(True, len(ensemble["ensemble_scheduling"]["step"]) >= 1)


async def infer_binary(face: Face) -> None:
    (tensor,) = await face.tensors(face.target.model, "inputs")
    (output,) = await face.tensors(face.target.model, "outputs")
    one = face.input(tensor, pixels(tensor, 1))
    answer = await face.infer([one], request_id="check-7")
    response = answer.get_response()
    found = response["id"] if face.over_http else response.id
    same("check-7", found)
    same((1, *output.shape[1:]), answer.as_numpy(output.name).shape)


async def infer_rows(face: Face) -> None:
    """Each row of a batch is answered as it is alone."""
    (tensor,) = await face.tensors(face.target.model, "inputs")
    (output,) = await face.tensors(face.target.model, "outputs")
    rows = pixels(tensor, 2)
    both = (await face.infer([face.input(tensor, rows)])).as_numpy(output.name)
    for index in (0, 1):
        alone = await face.infer([face.input(tensor, rows[index : index + 1])])
        close(alone.as_numpy(output.name), both[index : index + 1])


async def infer_version(face: Face) -> None:
    (tensor,) = await face.tensors(face.target.model, "inputs")
    metadata = await face.document("get_model_metadata", face.target.model)
    one = face.input(tensor, pixels(tensor, 1))
    await face.infer([one], model_version=metadata["versions"][0])
    await refused(
        face.infer([one], model_version="987"),
        NOT_FOUND,
        f"Request for unknown model: '{face.target.model}' version 987 is not found",
    )


async def infer_classes(face: Face) -> None:
    (tensor,) = await face.tensors(face.target.model, "inputs")
    (output,) = await face.tensors(face.target.model, "outputs")
    one = face.input(tensor, pixels(tensor, 1))
    plain = await face.infer([one], outputs=[face.output(output.name)])
    scores = plain.as_numpy(output.name)[0]
    asked = face.output(output.name, class_count=3)
    answer = await face.infer([one], outputs=[asked])
    texts = answer.as_numpy(output.name).reshape(-1)
    wanted = [int(index) for index in np.argsort(-scores, kind="stable")[:3]]
    same(wanted, [int(text.decode().split(":")[1]) for text in texts])


async def infer_compressed(face: Face) -> None:
    (tensor,) = await face.tensors(face.target.model, "inputs")
    one = face.input(tensor, pixels(tensor, 1))
    option = "request_compression_algorithm" if face.over_http else None
    for algorithm in ("gzip", "deflate"):
        await face.infer([one], **{option or "compression_algorithm": algorithm})


async def infer_image(face: Face) -> None:
    image = np.array([face.target.image], np.object_)
    (tensor,) = await face.tensors(face.target.pipeline, "inputs")
    given = face.input(tensor, image)
    answer = await face.infer([given], model=face.target.pipeline)
    chance = answer.as_numpy("probability")
    same(chance.shape, answer.as_numpy("label").shape)
    same(chance.shape, answer.as_numpy("class_index").shape)
    same(sorted(chance[0], reverse=True), list(chance[0]))
    same(True, 0 < chance.sum() <= 1.001)


async def infer_top(face: Face) -> None:
    """A request parameter reaches the pipeline; only the named output comes back."""
    (tensor,) = await face.tensors(face.target.pipeline, "inputs")
    given = face.input(tensor, np.array([face.target.image], np.object_))
    answer = await face.infer(
        [given],
        model=face.target.pipeline,
        outputs=[face.output("label")],
        parameters={"k": 1},
    )
    same((1, 1), answer.as_numpy("label").shape)
    same(None, answer.as_numpy("probability"))


async def refuse_names(face: Face) -> None:
    (tensor,) = await face.tensors(face.target.model, "inputs")
    one = face.input(tensor, pixels(tensor, 1))
    await refused(
        face.infer([one], model="nope"),
        NOT_FOUND,
        "Request for unknown model: 'nope' is not found",
    )
    await refused(
        face.infer([one], outputs=[face.output("NOPE")]),
        INVALID,
        f"unexpected inference output 'NOPE' for model '{face.target.model}'",
    )
    stranger = Tensor("NOPE", tensor.datatype, tensor.shape)
    await refused(
        face.infer([face.input(stranger, pixels(tensor, 1))]),
        INVALID,
        f"unexpected inference input 'NOPE' for model '{face.target.model}'",
    )


async def refuse_tensors(face: Face) -> None:
    (tensor,) = await face.tensors(face.target.model, "inputs")
    wrong = Tensor(tensor.name, "FP64", tensor.shape)
    await refused(
        face.infer([face.input(wrong, pixels(wrong, 1))]),
        INVALID,
        f"inference input '{tensor.name}' data-type is 'FP64', but model "
        f"'{face.target.model}' expects '{tensor.datatype}'",
    )
    config = await face.document("get_model_config", face.target.model)
    limit = int(config.get("config", config)["max_batch_size"])
    await refused(
        face.infer([face.input(tensor, pixels(tensor, limit + 1))]),
        INVALID,
        f"inference request batch-size must be <= {limit} for '{face.target.model}'",
    )


async def refuse_no_image(face: Face) -> None:
    (tensor,) = await face.tensors(face.target.pipeline, "inputs")
    given = face.input(tensor, np.array([b"this is no image"], np.object_))
    await refused(face.infer([given], model=face.target.pipeline), INVALID, "image")


async def http_json(face: Face) -> None:
    """JSON both ways answers what binary both ways does."""
    (tensor,) = await face.tensors(face.target.model, "inputs")
    (output,) = await face.tensors(face.target.model, "outputs")
    value = pixels(tensor, 1)
    binary = await face.infer([face.input(tensor, value)])
    text = await face.infer(
        [face.input(tensor, value, binary_data=False)],
        outputs=[face.output(output.name, binary_data=False)],
    )
    close(binary.as_numpy(output.name), text.as_numpy(output.name))


async def http_bodies(face: Face) -> None:
    """What KServe's client reads, the raw body, and the route for people."""
    same({"live": True}, fetch(face.target, "/v2/health/live"))
    same(True, fetch(face.target, "/v2/health/ready")["ready"])
    path = f"/v2/models/{face.target.pipeline}/infer"
    raw = fetch(face.target, path, {"Inference-Header-Content-Length": "0"})
    same(["label", "class_index", "probability"], [o["name"] for o in raw["outputs"]])
    answer = fetch(face.target, f"/v1/pipelines/{face.target.pipeline}?k=2", {})
    same(2, len(answer["labels"]))


async def http_errors(face: Face) -> None:
    """Every refusal is JSON with `error`, also where no route is."""
    same({"error": "Not Found"}, fetch(face.target, "/v2/nowhere"))
    same({"error": "Method Not Allowed"}, fetch(face.target, "/v2/health/live", {}))


async def grpc_typed(face: Face) -> None:
    """Typed contents answer what raw contents do."""
    (tensor,) = await face.tensors(face.target.model, "inputs")
    (output,) = await face.tensors(face.target.model, "outputs")
    value = pixels(tensor, 1)
    raw = (await face.infer([face.input(tensor, value)])).as_numpy(output.name)
    request = service_pb2.ModelInferRequest(model_name=face.target.model)
    given = request.inputs.add(name=tensor.name, datatype="FP32", shape=value.shape)
    given.contents.fp32_contents.extend(value.ravel().tolist())
    with grpc.insecure_channel(face.target.grpc) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        response = stub.ModelInfer(request, timeout=MODEL_TIMEOUT_S)
    typed = np.frombuffer(response.raw_output_contents[0], np.float32)
    close(raw.ravel(), typed)


async def grpc_health(face: Face) -> None:
    """The health service of gRPC, by its bytes: field 1 is 1, SERVING."""
    with grpc.insecure_channel(face.target.grpc) as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        same(b"\x08\x01", check(b"", timeout=MODEL_TIMEOUT_S))


async def grpc_stream(face: Face) -> None:
    """Requests of one stream are answered in their order, each failure by itself."""
    (tensor,) = await face.tensors(face.target.model, "inputs")
    (output,) = await face.tensors(face.target.model, "outputs")
    rows = [pixels(tensor, count) for count in (1, 2)]
    alone = [(await face.infer([face.input(tensor, row)])) for row in rows]
    asked = [
        {"model_name": name, "inputs": [face.input(tensor, row)], "request_id": word}
        for name, row, word in (
            (face.target.model, rows[0], "a"),
            ("nope", rows[0], "b"),
            (face.target.model, rows[1], "c"),
        )
    ]
    asked[0]["enable_empty_final_response"] = True

    answers = await streamed(face, asked)

    same(3, len(answers))
    for index, wanted in ((0, alone[0]), (2, alone[1])):
        result, error = answers[index]
        same(None, error)
        same(asked[index]["request_id"], result.get_response().id)
        final = result.get_response().parameters["triton_final_response"]
        same(True, final.bool_param)
        close(wanted.as_numpy(output.name), result.as_numpy(output.name))
    same(
        "Request for unknown model: 'nope' is not found",
        str(answers[1][1].message()),
    )


Check = Callable[[Face], Awaitable[None]]

EVERYWHERE: list[Check] = [
    *WITHOUT_CHANGE,
    *(health, server_metadata, model_metadata, model_config),
    *(infer_binary, infer_rows, infer_version, infer_classes, infer_compressed),
    *(infer_image, infer_top, refuse_names, refuse_tensors, refuse_no_image),
]
OVER_HTTP: list[Check] = [http_json, http_bodies, http_errors]
OVER_GRPC: list[Check] = [grpc_typed, grpc_health, grpc_stream]


async def passes(face: Face, check: Check) -> bool:
    """Run one check and say how it went."""
    name = f"{face.name:10} {check.__name__}"
    try:
        await check(face)
    except Exception as error:  # noqa: BLE001 - outermost: the next check must run
        sys.stdout.write(f"FAIL {name}: {type(error).__name__}: {error}\n")
        return False
    sys.stdout.write(f"ok   {name}\n")
    return True


async def run(target: Target) -> list[bool]:
    """Every check through every client."""
    results = []
    for face in open_faces(target):
        checks = EVERYWHERE + (OVER_HTTP if face.over_http else OVER_GRPC)
        for check in checks + (OPERATED if target.operated else []):
            results.append(await passes(face, check))
        await face.call("close")
    return results


def main() -> int:
    """Read the arguments, run, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--http", default="127.0.0.1:8000")
    parser.add_argument("--grpc", default="127.0.0.1:9000")
    parser.add_argument("--model", required=True, help="one FP32 input, one output")
    parser.add_argument("--pipeline", required=True, help="an image in, labels out")
    parser.add_argument("--image", required=True, type=Path)
    parser.add_argument(
        "--operate", action="store_true", help="also unload the model and load it again"
    )
    given = parser.parse_args()
    image = given.image.read_bytes()
    target = Target(
        given.http, given.grpc, given.model, given.pipeline, image, given.operate
    )
    results = asyncio.run(run(target))
    failed = results.count(False)
    sys.stdout.write(f"{results.count(True)} passed, {failed} failed\n")
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main())
