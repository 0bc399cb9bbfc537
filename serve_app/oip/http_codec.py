"""An HTTP body of the Open Inference Protocol to a call, and a reply to a body. Pure.

Reference: the protocol's REST text and its binary tensor data extension.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import orjson

from deployments.contract import check_form
from deployments.errors import InvalidInput
from deployments.messages import (
    DTYPES,
    Contract,
    Parameter,
    Reply,
    Request,
    Tensor,
    TensorContract,
)
from serve_app.oip.call import (
    Call,
    Output,
    Wanted,
    check_unique,
    choose,
    every_output,
    refuse_shared_memory,
    want,
)
from serve_app.oip.tensors import (
    Header,
    bytes_tensor,
    from_binary,
    from_json,
    read_header,
    to_binary,
    to_json,
)

HEADER_LENGTH = "Inference-Header-Content-Length"
BINARY_SIZE = "binary_data_size"
BINARY_DATA = "binary_data"
BINARY_OUTPUT = "binary_data_output"

JSON_BYTES = 8 * 2**20
"""Parsing holds the event loop and the GIL, so JSON has a tighter bound than a body."""

Json = Mapping[str, object]
Content = bytes | memoryview


@dataclass(frozen=True, slots=True)
class Body:
    """A response body; `header_length` is None when it is all JSON."""

    content: bytes
    header_length: int | None


def read_call(contract: Contract, body: Content, header_length: str | None) -> Call:
    """Read a whole request body.

    Args:
        contract: of the model that the path names.
        body: decompressed.
        header_length: the HTTP header of that name, as it came.

    Raises:
        InvalidInput: the body is not a request to this model.
    """
    length = _read_length(contract, body, header_length)
    if header_length is not None and length == 0:
        return _read_raw(contract, body)
    # The tail is a view: a tensor in it is used where it lies.
    message = parse_object(contract.name, body[:length] if length < len(body) else body)
    parameters = _parameters(contract.name, message)
    binary = _flag(contract.name, parameters, BINARY_OUTPUT, False)
    request = Request(
        contract.name,
        _read_inputs(contract, message, memoryview(body)[length:]),
        {k: v for k, v in parameters.items() if k != BINARY_OUTPUT},
        _read_id(contract, message),
    )
    return Call(contract, request, _read_outputs(contract, message, binary))


def write_reply(call: Call, reply: Reply) -> Body:
    """Write the outputs the client asked for.

    Raises:
        InvalidInput: JSON cannot hold an output, or it has no classes.
    """
    outputs = list(choose(call, reply))
    tails = [to_binary(output.tensor) for output in outputs if output.binary]
    sizes = iter([len(tail) for tail in tails])
    message: dict[str, object] = {
        "model_name": call.contract.name,
        "model_version": call.contract.version,
        "outputs": [_write_output(call, output, sizes) for output in outputs],
    }
    if call.request.id:
        message["id"] = call.request.id
    if reply.parameters:
        message["parameters"] = dict(reply.parameters)
    head = orjson.dumps(message, option=orjson.OPT_SERIALIZE_NUMPY)
    if not tails:
        return Body(head, None)
    return Body(b"".join([head, *tails]), len(head))


def parse_object(model: str, text: Content) -> Json:
    """The JSON object in `text`.

    Raises:
        InvalidInput: it is something else.
    """
    if len(text) > JSON_BYTES:
        raise InvalidInput(
            model,
            f"more than {JSON_BYTES} bytes of JSON: send tensors as binary data",
        )
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(
            model, f"failed to parse the request JSON: {error}"
        ) from None
    if not isinstance(message, dict):
        raise InvalidInput(model, "the request JSON must be an object")
    return message


def _read_length(contract: Contract, body: Content, header: str | None) -> int:
    if header is None:
        return len(body)
    # isdecimal alone lets in digits of other scripts, len keeps int() short.
    if not (header.isascii() and header.isdecimal() and len(header) < 20):
        raise InvalidInput(
            contract.name, f"{HEADER_LENGTH} must be a whole number >= 0"
        )
    if int(header) > len(body):
        raise InvalidInput(
            contract.name,
            f"{HEADER_LENGTH} must be at most the {len(body)} bytes of the body, "
            f"got {header}",
        )
    return int(header)


def _read_raw(contract: Contract, body: Content) -> Call:
    """A body that is the only input's data: one row; every output comes back binary."""
    if len(contract.inputs) != 1:
        raise InvalidInput(
            contract.name,
            f"raw binary request needs a model with 1 input, '{contract.name}' has "
            f"{len(contract.inputs)}",
        )
    wanted = contract.inputs[0]
    header = Header(
        contract.name, wanted.name, wanted.datatype, _raw_shape(contract, wanted, body)
    )
    is_bytes = wanted.datatype == "BYTES"
    tensor = (
        bytes_tensor(header, [bytes(body)]) if is_bytes else from_binary(header, body)
    )
    request = Request(contract.name, {wanted.name: tensor})
    return Call(contract, request, every_output(contract, binary=True))


def _raw_shape(
    contract: Contract, wanted: TensorContract, body: Content
) -> tuple[int, ...]:
    row = wanted.shape[1:]
    if row.count(-1) > (0 if wanted.datatype == "BYTES" else 1):
        raise InvalidInput(
            contract.name,
            f"raw binary request cannot tell the shape of input '{wanted.name}'",
        )
    known = DTYPES[wanted.datatype].itemsize
    for size in row:
        known *= abs(size)
    # A size that does not fit is found when the data is read against the shape.
    free = len(body) // max(known, 1)
    return (1, *(free if size == -1 else size for size in row))


def _read_id(contract: Contract, message: Json) -> str:
    name = message.get("id", "")
    if not isinstance(name, str):
        raise InvalidInput(contract.name, "the request's id must be a string")
    return name


def _parameters(model: str, owner: Json) -> Mapping[str, Parameter]:
    parameters = owner.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise InvalidInput(model, "parameters must be an object")
    for name, value in parameters.items():
        if not isinstance(value, bool | int | float | str):
            raise InvalidInput(
                model, f"parameter '{name}' must be a boolean, a number or a string"
            )
    return parameters


def _flag(
    model: str, parameters: Mapping[str, Parameter], name: str, default: bool
) -> bool:
    flag = parameters.get(name, default)
    if not isinstance(flag, bool):
        raise InvalidInput(model, f"parameter '{name}' must be true or false")
    return flag


def _objects(model: str, message: Json, name: str) -> list[Json]:
    found = message.get(name, [])
    if not isinstance(found, list) or not all(isinstance(o, dict) for o in found):
        raise InvalidInput(model, f"{name} must be a list of objects")
    return found


def _read_inputs(
    contract: Contract, message: Json, tail: memoryview
) -> Mapping[str, Tensor]:
    inputs: dict[str, Tensor] = {}
    for given in _objects(contract.name, message, "inputs"):
        header = read_header(
            contract.name, given.get("name"), given.get("datatype"), given.get("shape")
        )
        check_unique(contract.name, "input", header.name, inputs)
        check_form(contract, header.name, header.datatype, header.shape)
        inputs[header.name], tail = _read_input(header, given, tail)
    if len(tail):
        raise InvalidInput(
            contract.name,
            f"the body has {len(tail)} bytes that belong to no input",
        )
    return inputs


def _read_input(
    header: Header, given: Json, tail: memoryview
) -> tuple[Tensor, memoryview]:
    """The tensor, and what is left of the binary data for the inputs behind it."""
    parameters = _parameters(header.model, given)
    refuse_shared_memory(header.model, "input", header.name, parameters)
    size = parameters.get(BINARY_SIZE)
    if size is None:
        return from_json(header, given.get("data")), tail
    if "data" in given:
        raise header.refuse(f"has both data and {BINARY_SIZE}")
    if type(size) is not int or not 0 <= size <= len(tail):
        raise header.refuse(
            f"must have a {BINARY_SIZE} from 0 to {len(tail)}, the bytes left in the "
            f"body, got {size!r}"
        )
    return from_binary(header, tail[:size]), tail[size:]


def _read_outputs(
    contract: Contract, message: Json, binary: bool
) -> tuple[Wanted, ...]:
    named: dict[str, Wanted] = {}
    for given in _objects(contract.name, message, "outputs"):
        parameters = _parameters(contract.name, given)
        own = _flag(contract.name, parameters, BINARY_DATA, binary)
        wanted = want(contract, given.get("name"), parameters, own)
        check_unique(contract.name, "output", wanted.name, named)
        named[wanted.name] = wanted
    return tuple(named.values()) or every_output(contract, binary)


def _write_output(
    call: Call, output: Output, sizes: Iterator[int]
) -> dict[str, object]:
    written: dict[str, object] = {
        "name": output.name,
        "datatype": output.datatype,
        "shape": list(output.tensor.shape),
    }
    if output.binary:
        written["parameters"] = {BINARY_SIZE: next(sizes)}
    else:
        written["data"] = to_json(call.contract.name, output.name, output.tensor)
    return written
