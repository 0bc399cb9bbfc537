"""The model repository extension: what a client asks, and the index as it is told. Pure.

Reference: the protocol's model repository extension, as Triton reads it.
"""

from collections.abc import Mapping, Sequence

import orjson

from deployments.control import Control, Indexed, ReplicaState
from deployments.errors import InvalidInput
from serve_app.errors import NotOffered

CONFIG = "config"
DEPENDENTS = "unload_dependents"
FILE = "file:"
"""How a parameter begins that brings a file of the model along."""

Json = dict[str, object]
Given = Mapping[str, object]


def needed(control: Control | None, what: str = "model control is") -> Control:
    """The control, if there is one.

    Raises:
        NotOffered: there is none.
    """
    if control is None:
        raise NotOffered(what)
    return control


def check_repository(name: str) -> None:
    """Raise NotOffered when a request names one of several repositories."""
    if name:
        raise NotOffered("there is one repository: 'repository_name' is")


def parameters_of(model: str, body: Given) -> Given:
    """The parameters in the body of a load or unload request.

    Raises:
        InvalidInput: it holds something else.
    """
    check_names(model, body, ("parameters",))
    parameters = body.get("parameters", {})
    if not isinstance(parameters, dict):
        raise InvalidInput(model, "parameters must be an object")
    return parameters


def read_override(model: str, parameters: Given) -> Given | None:
    """The ModelConfig that a load request brings; None: it brings none.

    Raises:
        InvalidInput: a parameter is unknown, or its value makes no sense.
        NotOffered: it brings files.
    """
    for name in parameters:
        if name.startswith(FILE):
            raise NotOffered("loading a model's files from a request is")
    check_names(model, parameters, (CONFIG,))
    if CONFIG not in parameters:
        return None
    text = parameters[CONFIG]
    if not isinstance(text, str):
        raise InvalidInput(model, f"parameter '{CONFIG}' must be a string of JSON")
    return read_object(model, f"parameter '{CONFIG}'", text)


def read_dependents(model: str, parameters: Given) -> bool:
    """Whether an unload request takes a pipeline's members along.

    Raises:
        InvalidInput: a parameter is unknown, or its value makes no sense.
    """
    check_names(model, parameters, (DEPENDENTS,))
    return read_flag(model, parameters, DEPENDENTS)


def read_flag(model: str, given: Given, name: str) -> bool:
    """A boolean that may be left out.

    Raises:
        InvalidInput: it is something else.
    """
    flag = given.get(name, False)
    if not isinstance(flag, bool):
        raise InvalidInput(model, f"parameter '{name}' must be true or false")
    return flag


def read_object(model: str, what: str, text: bytes | str) -> Given:
    """The JSON object in `text`.

    Raises:
        InvalidInput: it is something else.
    """
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(model, f"{what} is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise InvalidInput(model, f"{what} must be a JSON object")
    return found


def check_names(model: str, given: Given, known: Sequence[str]) -> None:
    """Raise InvalidInput when something is given that nobody reads."""
    for name in given:
        if name not in known:
            wanted = ", ".join(known)
            raise InvalidInput(
                model, f"unexpected parameter '{name}': known are {wanted}"
            )


def write_index(index: Sequence[Indexed]) -> list[Json]:
    """The index for HTTP; `replicas` is ours, clients of Triton pass it over."""
    return [
        {**write_entry(one), "replicas": [_replica(r) for r in one.replicas]}
        for one in index
    ]


def write_entry(one: Indexed) -> Json:
    """One entry as the extension has it, for both protocols."""
    return {
        "name": one.name,
        "version": one.version,
        "state": one.state,
        "reason": one.reason,
    }


def told_apart(one: Indexed) -> Indexed:
    """The entry with its replicas' states in the reason, where they differ."""
    if len({(r.state, r.reason) for r in one.replicas}) < 2:
        return one
    parts = [
        f"{r.replica} {r.state}{f' ({r.reason})' if r.reason else ''}"
        for r in one.replicas
    ]
    reason = "; ".join([*filter(None, [one.reason]), *parts])
    return Indexed(one.name, one.version, one.state, reason, one.replicas)


def _replica(one: ReplicaState) -> Json:
    return {
        "replica": one.replica,
        "state": one.state,
        "reason": one.reason,
        "resident_bytes": one.resident_bytes,
        "runtime": one.runtime,
    }
