"""Pieces: what one step of a recipe leaves for the next, as a folder of files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Form = Literal[
    "onnx", "torch", "llm", "engine", "litert", "executorch", "coreml", "ort"
]

ONNX, WEIGHTS, ARCHITECTURE = "model.onnx", "weights.safetensors", "architecture.json"
CONFIG, ENGINE, LITERT = "config.json", "model.engine", "model.tflite"
EXECUTORCH, ORT, PACKAGE = "model.pte", "model.ort", "model.mlpackage"

MAIN: Mapping[Form, str] = {
    "engine": ENGINE,
    "litert": LITERT,
    "executorch": EXECUTORCH,
    "coreml": f"{PACKAGE}/Data/com.apple.CoreML/weights/weight.bin",
    "ort": ORT,
    "onnx": ONNX,
}
"""The file that a form is known by; where it is a folder, the one with the weights."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One result: ONNX, torch, an LLM's folder, an engine, or a form for devices.

    ONNX is one file, weights inside. Torch is safetensors beside `architecture.json`,
    `{"name": ..., "options": {...}}`. `key` is empty for what no engine keeps, such as a
    candidate of a search. A folder may hold more than one form.
    """

    folder: Path
    key: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def onnx(self) -> Path:
        """The ONNX file."""
        return self.folder / ONNX

    @property
    def weights(self) -> Path:
        """The safetensors of a torch piece."""
        return self.folder / WEIGHTS

    @property
    def architecture(self) -> Path:
        """What network the weights are of."""
        return self.folder / ARCHITECTURE

    @property
    def engine(self) -> Path:
        """The serialised engine of one accelerator."""
        return self.folder / ENGINE

    @property
    def litert(self) -> Path:
        """The .tflite file."""
        return self.folder / LITERT

    @property
    def is_onnx(self) -> bool:
        """Whether it can run as ONNX."""
        return self.onnx.is_file()

    @property
    def is_torch(self) -> bool:
        """Whether it can be trained."""
        return self.weights.is_file() and self.architecture.is_file()

    @property
    def is_llm(self) -> bool:
        """Whether it is a language model's folder."""
        return (self.folder / CONFIG).is_file()

    @property
    def is_engine(self) -> bool:
        """Whether it is an engine."""
        return self.engine.is_file()

    @property
    def is_litert(self) -> bool:
        """Whether it is a file for LiteRT."""
        return self.litert.is_file()

    def main(self, form: Form) -> Path:
        """The file that `form`, one of `MAIN`, is known by."""
        return self.folder / MAIN[form]

    @property
    def form(self) -> Form | None:
        """What it is served as; the last step decides. None: nothing that runs."""
        forms: list[tuple[Form, bool]] = [
            *((form, self.main(form).is_file()) for form in MAIN),
            ("llm", self.is_llm),
            ("torch", self.is_torch),
        ]
        return next((form for form, present in forms if present), None)

    def files(self) -> tuple[Path, ...]:
        """Every file, by name."""
        return tuple(sorted(file for file in self.folder.rglob("*") if file.is_file()))

    @property
    def size_bytes(self) -> int:
        """What its files take together."""
        return sum(file.stat().st_size for file in self.files())
