"""The environments of LiteRT: what converts, what quantizes and runs, and what ran once.

Their libraries dispute ours (pydantic, numpy), so each has all of its pins in a file
beside this module.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from models.environments import ToolEnvironment, Tooling, pinned
from models.recipes.bench import Bench

WORKERS = "models.litert.workers"
NEWEST, OLDEST = "litert-2.3.0", "tflite-runtime-2.14.0"

VARIABLES = {
    "OMP_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TQDM_DISABLE": "1",
}


class Tool(Protocol):
    """Calls workers inside an environment; a fake in tests."""

    def __call__(self, worker: str, request: Mapping[str, object]) -> Any:
        """What the worker answers."""
        ...


class Tools(Protocol):
    """Finds the environment of a tooling; a fake in tests."""

    def __call__(self, bench: Bench, tooling: Tooling) -> Tool:
        """It is made when first called."""
        ...


def _pinned(name: str) -> Tooling:
    return pinned(Path(__file__).parent / f"{name}.txt")


def converter() -> Tooling:
    """litert-torch on torch; 2.1 GB."""
    return _pinned("litert-convert")


def quantizer() -> Tooling:
    """litert-quantizer and the newest runtime; 0.3 GB."""
    return _pinned("litert")


def oldest() -> Tooling:
    """The oldest runtime that is still to be had for our Python; 0.1 GB."""
    return _pinned("litert-oldest")


def describer() -> Tooling:
    """The code of the public schema of TFLite metadata; 0.2 GB."""
    return _pinned("litert-metadata")


def conversion_pins() -> tuple[str, ...]:
    """What a conversion, and the run that checks it, depend on."""
    return (*converter().requirements, *quantizer().requirements)


def quantizer_pins() -> tuple[str, ...]:
    """What a quantization depends on."""
    return quantizer().requirements


def checker_pins() -> tuple[str, ...]:
    """What a check depends on."""
    three = (quantizer(), oldest(), describer())
    return tuple(pin for one in three for pin in one.requirements)


def environment(bench: Bench, tooling: Tooling) -> Tool:
    """The one of this installation."""
    place = ToolEnvironment(tooling, bench.rooms.home / "envs", bench.progress)

    def call(worker: str, request: Mapping[str, object]) -> Any:
        return place.call(f"{WORKERS}.{worker}", request, variables=VARIABLES)

    return call
