"""The schema of LiteRT's flatbuffers: code that the runtime's own package brings."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

from models.errors import ToolFailed


@cache
def schema() -> Any:
    """The generated module.

    Raises:
        ToolFailed: the package is not installed.
    """
    try:
        return import_module("ai_edge_litert.schema_py_generated")
    except ImportError as error:
        reason = "ai-edge-litert is missing: install headwater[edge]"
        raise ToolFailed("LiteRT", "reading a file", reason) from error


@cache
def operators() -> Mapping[int, str]:
    """The name of every built-in operator by its number."""
    return _names(schema().BuiltinOperator)


@cache
def datatypes() -> Mapping[int, str]:
    """The name of every datatype of a tensor by its number."""
    return _names(schema().TensorType)


@cache
def option_tables() -> Mapping[int, str]:
    """The table that holds an operator's options, by its number."""
    return _names(schema().BuiltinOptions)


def _names(kind: type) -> Mapping[int, str]:
    known = vars(kind).items()
    return {number: name for name, number in known if not name.startswith("_")}
