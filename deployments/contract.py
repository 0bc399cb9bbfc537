"""Whether a request keeps a contract. Pure; the texts are the protocol's.

Reference for the texts: Triton's answers, which Open Inference Protocol clients match on.
"""

import numpy as np

from deployments.errors import InvalidInput
from deployments.messages import DATATYPES, Contract, Request, Tensor, TensorContract


def check(contract: Contract, request: Request) -> int:
    """Return the number of rows of `request`.

    Raises:
        InvalidInput: a tensor is missing, unknown, of the wrong datatype or shape, holds
            NaN or infinity, or there are too many rows or none.
    """
    _check_names(contract, request)
    rows = {
        _check_tensor(contract, wanted, request.inputs[wanted.name])
        for wanted in contract.inputs
    }
    if len(rows) != 1:
        raise InvalidInput(
            contract.name,
            f"inputs of '{contract.name}' must have the same number of rows, "
            f"got {sorted(rows)}",
        )
    return _check_rows(contract, rows.pop())


def _check_names(contract: Contract, request: Request) -> None:
    known = {tensor.name for tensor in contract.inputs}
    for name in request.inputs:
        if name not in known:
            raise InvalidInput(
                contract.name,
                f"unexpected inference input '{name}' for model '{contract.name}'",
            )
    if len(request.inputs) != len(known):
        raise InvalidInput(
            contract.name,
            f"expected {len(known)} inputs but got {len(request.inputs)} inputs "
            f"for model '{contract.name}'",
        )


def check_form(
    contract: Contract, name: str, datatype: str, shape: tuple[int, ...]
) -> None:
    """Judge an input by what is said of it, before its data is read.

    Raises:
        InvalidInput: as `check` would, when the data were as announced.
    """
    for wanted in contract.inputs:
        if wanted.name == name:
            _check_form(contract, wanted, datatype, shape)
            _check_rows(contract, shape[0])
            return
    raise InvalidInput(
        contract.name,
        f"unexpected inference input '{name}' for model '{contract.name}'",
    )


def _check_tensor(contract: Contract, wanted: TensorContract, tensor: Tensor) -> int:
    datatype = DATATYPES.get(tensor.dtype) or str(tensor.dtype)
    _check_form(contract, wanted, datatype, tensor.shape)
    if tensor.dtype.kind == "f" and not all_finite(tensor):
        raise InvalidInput(
            contract.name,
            f"input '{wanted.name}' for model '{contract.name}' holds NaN or infinity",
        )
    return int(tensor.shape[0])


def _check_form(
    contract: Contract, wanted: TensorContract, datatype: str, shape: tuple[int, ...]
) -> None:
    accepted = [wanted, *(a for a in contract.alternatives if a.name == wanted.name)]
    same_type = [option for option in accepted if option.datatype == datatype]
    if not same_type:
        raise InvalidInput(
            contract.name,
            f"inference input '{wanted.name}' data-type is '{datatype}', but model "
            f"'{contract.name}' expects '{wanted.datatype}'",
        )
    if not any(_fits(option.shape, shape) for option in same_type):
        raise InvalidInput(
            contract.name,
            f"unexpected shape for input '{wanted.name}' for model '{contract.name}'. "
            f"Expected {_shown(same_type[0].shape)}, got {_shown(shape)}",
        )


def _check_rows(contract: Contract, rows: int) -> int:
    if rows < 1:
        raise InvalidInput(
            contract.name, f"inference request to '{contract.name}' has no rows"
        )
    if rows > contract.max_batch_size:
        raise InvalidInput(
            contract.name,
            "inference request batch-size must be <= "
            f"{contract.max_batch_size} for '{contract.name}'",
        )
    return rows


def _fits(wanted: tuple[int, ...], got: tuple[int, ...]) -> bool:
    return len(wanted) == len(got) and all(
        want in (-1, have) for want, have in zip(wanted, got, strict=True)
    )


def _shown(shape: tuple[int, ...]) -> str:
    return "[" + ",".join(map(str, shape)) + "]"


def all_finite(tensor: Tensor) -> bool:
    """A finite sum of squares proves it at the speed of memory; else look closely."""
    flat = tensor.reshape(-1)
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(np.vdot(flat, flat)):
            return True
    return bool(np.isfinite(tensor).all())
