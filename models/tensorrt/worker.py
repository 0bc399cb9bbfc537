"""Builds one engine in a process of its own, so that a native abort ends no more."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.progress import Progress
from models.tensorrt.api import load_api
from models.tensorrt.build import EngineRefused, build_engine
from models.tensorrt.options import options_from


def answer(request: Mapping[str, Any], progress: Progress) -> Mapping[str, Any]:
    """Write the engine to `request["target"]`, or say why it was refused."""
    api = load_api(request["kind"])
    timing = Path(request["timing"]) if request["timing"] else None
    options = options_from(request["options"])
    try:
        engine, told = build_engine(
            api, Path(request["onnx"]), options, timing, progress
        )
    except EngineRefused as refused:
        return {"refused": str(refused), "version": api.version}
    Path(request["target"]).write_bytes(engine)
    return {**told, "version": api.version}
