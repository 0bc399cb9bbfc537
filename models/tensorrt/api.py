"""TensorRT or TensorRT-RTX, whichever can be imported, behind one small facade.

The two share the strongly typed API of TensorRT 11: precision is what the ONNX says, by
its types and its Q/DQ pairs. Standard library alone, for it runs in tool environments.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

Kind = Literal["tensorrt", "tensorrt-rtx"]

OLDEST = 10
"""The major version that made precision a matter of the ONNX and batches explicit."""

_LIBRARIES = ("libtensorrt_rtx.so.1", "libtensorrt_onnxparser_rtx.so.1")


@dataclass(frozen=True, slots=True)
class Api:
    """One of the two libraries; `module` has no types."""

    kind: Kind
    module: Any

    @property
    def version(self) -> str:
        """Of the library."""
        return str(self.module.__version__)

    @property
    def is_portable(self) -> bool:
        """Whether engines fit every supported GPU; RTX compiles the rest when loading."""
        return self.kind == "tensorrt-rtx"

    def logger(self, lines: list[str]) -> Any:
        """A logger that appends what the library calls an error to `lines`."""
        kinds = self.module.ILogger
        wanted = (kinds.Severity.ERROR, kinds.Severity.INTERNAL_ERROR)

        class Errors(kinds):  # type: ignore[misc,valid-type] # of an untyped library
            def __init__(self) -> None:
                kinds.__init__(self)

            def log(self, severity: object, message: str) -> None:
                if severity in wanted:
                    lines.append(message.strip())

        return Errors()


def load_api(kind: Kind) -> Api:
    """Import one of the two.

    Raises:
        ImportError: it is not installed, or too old.
    """
    if kind == "tensorrt-rtx":
        _open_libraries()
        return Api(kind, import_module("tensorrt_rtx_bindings"))
    api = Api(kind, import_module("tensorrt"))
    if int(api.version.partition(".")[0]) < OLDEST:
        raise ImportError(f"tensorrt must be {OLDEST} or newer, got {api.version}")
    return api


def _open_libraries(names: Sequence[str] = _LIBRARIES) -> None:
    """Load the native libraries, which the bindings expect to be there already."""
    folder = Path(str(import_module("tensorrt_rtx_libs").__file__)).parent
    for name in names:
        ctypes.CDLL(str(folder / name), mode=ctypes.RTLD_GLOBAL)
