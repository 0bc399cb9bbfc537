"""An inference call as both protocols understand it, and the choice of its outputs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from deployments.errors import InvalidInput
from deployments.messages import (
    DATATYPES,
    Contract,
    Parameter,
    Reply,
    Request,
    Tensor,
)
from serve_app.oip.classes import classify

CLASSIFICATION = "classification"
SHARED_MEMORY = "shared_memory_region"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One output a client asks for; `classes`: its best classes instead of numbers."""

    name: str
    binary: bool = False
    classes: int | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A request, and how its answer is to be written."""

    contract: Contract
    request: Request
    outputs: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True)
class Output:
    """One tensor of an answer."""

    name: str
    datatype: str
    tensor: Tensor
    binary: bool


def every_output(contract: Contract, binary: bool) -> tuple[Wanted, ...]:
    """What a client gets who names no output."""
    return tuple(Wanted(tensor.name, binary) for tensor in contract.outputs)


def want(
    contract: Contract, name: object, parameters: Mapping[str, Parameter], binary: bool
) -> Wanted:
    """One output that a client names.

    Raises:
        InvalidInput: the model has no such output, or a parameter makes no sense.
    """
    if all(tensor.name != name for tensor in contract.outputs):
        raise InvalidInput(
            contract.name,
            f"unexpected inference output '{name}' for model '{contract.name}'",
        )
    refuse_shared_memory(contract.name, "output", str(name), parameters)
    classes = parameters.get(CLASSIFICATION)
    if classes is not None and (type(classes) is not int or classes < 1):
        raise InvalidInput(
            contract.name,
            f"parameter '{CLASSIFICATION}' of output '{name}' must be a whole number "
            f">= 1, got {classes!r}",
        )
    return Wanted(str(name), binary, classes)


def refuse_shared_memory(
    model: str, kind: str, name: str, parameters: Mapping[str, Parameter]
) -> None:
    """Raise InvalidInput when a tensor is said to lie in shared memory."""
    if SHARED_MEMORY in parameters:
        raise InvalidInput(
            model, f"{kind} '{name}' is in shared memory, which is not offered here"
        )


def check_unique(
    model: str, kind: str, name: str, earlier: Mapping[str, object]
) -> None:
    """Raise InvalidInput when `name` was given before."""
    if name in earlier:
        raise InvalidInput(
            model, f"{kind} '{name}' for model '{model}' is given more than once"
        )


def choose(call: Call, reply: Reply) -> Iterator[Output]:
    """The outputs the client asked for, in its order.

    Raises:
        InvalidInput: classes are wanted of an output that has none.
    """
    for wanted in call.outputs:
        tensor = reply.outputs[wanted.name]
        if wanted.classes is not None:
            tensor = classify(call.contract, wanted.name, tensor, wanted.classes)
        yield Output(wanted.name, DATATYPES[tensor.dtype], tensor, wanted.binary)
