"""gRPC messages of the Open Inference Protocol to a call, and a reply to one. Pure."""

from collections.abc import Mapping, Sequence

from deployments.contract import check_form
from deployments.errors import InvalidInput
from deployments.messages import Contract, Parameter, Reply, Request, Tensor
from serve_app.errors import Refusal
from serve_app.oip import inference_pb2 as pb
from serve_app.oip.call import (
    Call,
    Wanted,
    check_unique,
    choose,
    every_output,
    refuse_shared_memory,
    want,
)
from serve_app.oip.tensors import (
    Buffer,
    Header,
    bytes_tensor,
    from_binary,
    from_elements,
    read_header,
    to_binary,
)

FIELDS: Mapping[str, str] = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
"""Datatype → its field in InferTensorContents; FP16 has none."""

EMPTY_FINAL = "triton_enable_empty_final_response"
FINAL = "triton_final_response"
"""Parameters of streams: a request may ask for the second, which is always there."""


def read_call(
    contract: Contract,
    message: pb.ModelInferRequest,
    raw: Sequence[Buffer] | None = None,
) -> Call:
    """Read a request.

    Args:
        contract: of the model that it names.
        message: all of it, or what is left without its raw tensors.
        raw: those; None: they are in the message.

    Raises:
        InvalidInput: it is not a request to this model.
    """
    if raw is None:
        raw = message.raw_input_contents
    request = Request(
        contract.name,
        _read_inputs(contract, message, raw),
        _parameters(contract.name, message.parameters),
        message.id,
    )
    return Call(contract, request, _read_outputs(contract, message))


def write_reply(call: Call, reply: Reply) -> pb.ModelInferResponse:
    """Write the outputs the client asked for, raw.

    Raises:
        InvalidInput: classes are wanted of an output that has none.
    """
    response = pb.ModelInferResponse(
        model_name=call.contract.name,
        model_version=call.contract.version,
        id=call.request.id,
    )
    for output in choose(call, reply):
        response.outputs.add(
            name=output.name, datatype=output.datatype, shape=output.tensor.shape
        )
        response.raw_output_contents.append(bytes(to_binary(output.tensor)))
    for name, value in reply.parameters.items():
        _set(response.parameters[name], value)
    return response


def unstreamed(message: pb.ModelInferRequest) -> pb.ModelInferRequest:
    """A request of a stream without the parameter that only streams know."""
    if EMPTY_FINAL in message.parameters:
        del message.parameters[EMPTY_FINAL]
    return message


def streamed(
    asked: pb.ModelInferRequest, answered: pb.ModelInferResponse | Refusal
) -> pb.ModelStreamInferResponse:
    """One answer of a stream: the only one to its request, and so the final one."""
    if isinstance(answered, Refusal):
        failed = pb.ModelInferResponse(model_name=asked.model_name, id=asked.id)
        told = pb.ModelStreamInferResponse(
            error_message=answered.text, infer_response=failed
        )
    else:
        told = pb.ModelStreamInferResponse(infer_response=answered)
    told.infer_response.parameters[FINAL].bool_param = True
    return told


def _set(parameter: pb.InferParameter, value: Parameter) -> None:
    if isinstance(value, bool):
        parameter.bool_param = value
    elif isinstance(value, int):
        parameter.int64_param = value
    elif isinstance(value, float):
        parameter.double_param = value
    else:
        parameter.string_param = value


def _read_inputs(
    contract: Contract, message: pb.ModelInferRequest, raw: Sequence[Buffer]
) -> Mapping[str, Tensor]:
    if raw and len(raw) != len(message.inputs):
        raise InvalidInput(
            contract.name,
            f"raw_input_contents must have {len(message.inputs)} entries, one an "
            f"input, got {len(raw)}",
        )
    inputs: dict[str, Tensor] = {}
    for index, given in enumerate(message.inputs):
        header = read_header(
            contract.name, given.name, given.datatype, list(given.shape)
        )
        check_unique(contract.name, "input", header.name, inputs)
        check_form(contract, header.name, header.datatype, header.shape)
        parameters = _parameters(contract.name, given.parameters)
        refuse_shared_memory(contract.name, "input", header.name, parameters)
        inputs[header.name] = _read_input(header, given, raw[index] if raw else None)
    return inputs


def _read_input(
    header: Header, given: pb.ModelInferRequest.InferInputTensor, raw: Buffer | None
) -> Tensor:
    if raw is None:
        return _read_contents(header, given.contents)
    if given.HasField("contents"):
        raise InvalidInput(
            header.model,
            "contents field must not be specified when using raw_input_contents for "
            f"'{header.name}' for model '{header.model}'",
        )
    return from_binary(header, raw)


def _read_contents(header: Header, contents: pb.InferTensorContents) -> Tensor:
    field = FIELDS.get(header.datatype)
    if field is None:
        raise header.refuse(
            f"is {header.datatype}, which only travels in raw_input_contents"
        )
    for filled, _ in contents.ListFields():
        if filled.name != field:
            raise header.refuse(
                f"is {header.datatype}, its data must be in {field}, got {filled.name}"
            )
    elements = getattr(contents, field)
    if header.datatype == "BYTES":
        return bytes_tensor(header, elements)
    return from_elements(header, elements)


def _read_outputs(
    contract: Contract, message: pb.ModelInferRequest
) -> tuple[Wanted, ...]:
    named: dict[str, Wanted] = {}
    for given in message.outputs:
        parameters = _parameters(contract.name, given.parameters)
        wanted = want(contract, given.name, parameters, binary=True)
        check_unique(contract.name, "output", wanted.name, named)
        named[wanted.name] = wanted
    return tuple(named.values()) or every_output(contract, binary=True)


def _parameters(
    model: str, given: Mapping[str, pb.InferParameter]
) -> Mapping[str, Parameter]:
    parameters: dict[str, Parameter] = {}
    for name, value in given.items():
        choice = value.WhichOneof("parameter_choice")
        if choice is None:
            raise InvalidInput(model, f"parameter '{name}' must have a value")
        parameters[name] = getattr(value, choice)
    return parameters
