"""Engines on disk: a file, beside it a JSON that says what it was built from and for.

    engines/<key>/model.engine, engine.json

An engine holds machine code: it runs with the version of the library and on the kind of
GPU that it was built for. The key is a hash over all of that.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.atomic import write_whole
from models.errors import EngineUnfit, StoreCorrupt
from models.keys import hash_of
from models.recipes.pieces import ENGINE
from models.store import digest
from models.tensorrt.api import Kind
from models.tensorrt.gpu import Gpu
from models.tensorrt.options import EngineOptions

LABEL = "engine.json"


@dataclass(frozen=True, slots=True)
class Runtime:
    """What an engine must be met with; `gpu` None: it fits every supported GPU."""

    kind: Kind
    version: str
    gpu: Gpu | None

    def as_json(self) -> dict[str, Any]:
        """Its fields, as a label has them."""
        gpu = self.gpu.as_json() if self.gpu is not None else None
        return {"kind": self.kind, "version": self.version, "gpu": gpu}


def engine_key(onnx: Path, runtime: Runtime, options: EngineOptions) -> str:
    """The hash over all that an engine depends on."""
    return hash_of(
        {
            "onnx": digest(onnx),
            "runtime": runtime.as_json(),
            "options": options.as_json(),
        }
    )


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine and its label."""

    folder: Path
    label: Mapping[str, Any]

    @property
    def file(self) -> Path:
        """The serialised engine."""
        return self.folder / ENGINE

    def copy_to(self, target: Path) -> None:
        """Copy it and its label into the folder `target`."""
        for name in (ENGINE, LABEL):
            shutil.copyfile(self.folder / name, target / name)


def write_label(folder: Path, label: Mapping[str, Any]) -> Engine:
    """Put the label beside the engine that lies in `folder`; it is whole from then on."""
    content = {**label, "sha256": digest(folder / ENGINE)}
    text = json.dumps(content, indent=1, sort_keys=True)
    with write_whole(folder / LABEL) as scratch:
        scratch.write_text(f"{text}\n", encoding="utf-8")
    return Engine(folder, json.loads(text))


def find_engine(folder: Path, key: str) -> Engine | None:
    """The engine of this key in `folder`, if it is whole and of that key."""
    try:
        engine = _read(folder)
    except (OSError, ValueError, StoreCorrupt):
        return None
    return engine if engine.label.get("key") == key else None


def open_engine(folder: Path, here: Runtime) -> Engine:
    """The engine in `folder`, which must be one that `here` can run.

    Raises:
        EngineUnfit: it was built for something else.
        StoreCorrupt: its file or its label is missing or has changed.
    """
    try:
        engine = _read(folder)
    except (OSError, ValueError) as error:
        raise StoreCorrupt(str(folder), "has no readable engine") from error
    built, met = _flat(engine.label["runtime"]), _flat(here.as_json())
    differing = [name for name in built if built[name] != met.get(name)]
    if differing:
        told, got = (
            ", ".join(f"{name} {one.get(name, 'none')}" for name in differing)
            for one in (built, met)
        )
        raise EngineUnfit(str(folder), told, got)
    return engine


def _read(folder: Path) -> Engine:
    label = json.loads((folder / LABEL).read_text(encoding="utf-8"))
    if digest(folder / ENGINE) != label["sha256"]:
        raise StoreCorrupt(str(folder / ENGINE), "has changed")
    return Engine(folder, label)


def _flat(runtime: Mapping[str, Any]) -> dict[str, str]:
    """The fields by name, the plainest first; a GPU that may be any has none."""
    gpu = runtime["gpu"] or {}
    own = {"library": runtime["kind"], "version": runtime["version"]}
    names = (("GPU", "name"), ("compute", "compute_capability"))
    machine = (*names, ("driver", "driver"), ("CUDA", "cuda"))
    return {**own, **{name: str(gpu[key]) for name, key in machine if key in gpu}}
