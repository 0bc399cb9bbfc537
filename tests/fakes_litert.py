"""Environments of LiteRT without their venvs: the runtime here, converters by heart."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models.card import Card, FileFact, QualityFact
from models.environments import Tooling
from models.litert.rewriting import unpack
from models.litert.workers import layers, running
from models.recipes.bench import Bench
from models.statistics import wilson
from tests.tiny_lite import tiny_float, tiny_int8, with_buffers_outside

DIGEST = "0" * 64


class FakeTools:
    """`asked` keeps every request; `wrong` names toolings whose answers are another's."""

    def __init__(self, wrong: frozenset[str] = frozenset()) -> None:
        self.asked: list[tuple[str, str, Mapping[str, object]]] = []
        self.wrong = wrong
        self.quantized = with_buffers_outside(tiny_int8())

    def __call__(self, bench: Bench, tooling: Tooling) -> Any:
        def call(worker: str, request: Mapping[str, object]) -> Any:
            self.asked.append((tooling.name, worker, request))
            return getattr(self, worker)(tooling, request)

        return call

    def converting(self, tooling: Tooling, request: Mapping[str, Any]) -> Any:
        """A float file, whatever the program."""
        Path(request["target"]).write_bytes(tiny_float())
        return {}

    def quantizing(self, tooling: Tooling, request: Mapping[str, Any]) -> Any:
        """A file as the library writes it: weights outside."""
        Path(request["target"]).write_bytes(self.quantized)
        return {}

    def describing(self, tooling: Tooling, request: Mapping[str, Any]) -> Any:
        """JSON in the place of the schema's flatbuffer; the file itself is read."""
        if "said" in request:
            text = json.dumps(request["said"], sort_keys=True)
            Path(request["target"]).write_text(text)
            return {}
        return {
            "metadata": carried(Path(request["model"])),
            "files": packed(Path(request["model"])),
        }

    def layers(self, tooling: Tooling, request: Mapping[str, Any]) -> Any:
        """The real runtime, in this process."""
        return layers.answer(request, lambda *_: None)

    def running(self, tooling: Tooling, request: Mapping[str, Any]) -> Any:
        """The real runtime, in this process."""
        told = running.answer(request, lambda *_: None)
        if tooling.name in self.wrong:
            answers = np.load(request["out"])
            np.save(request["out"], answers[:, ::-1])
        return told


def carried(file: Path) -> Any:
    """The metadata inside a .tflite, as `FakeTools` writes it."""
    model = unpack(file.read_bytes())
    (entry,) = model.metadata
    return json.loads(bytes(bytearray(model.buffers[entry.buffer].data)))


def packed(file: Path) -> dict[str, str]:
    """The text of every file behind a .tflite."""
    if not zipfile.is_zipfile(file):
        return {}
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def lite_card(variant: str, right: int = 90, size: int = 1000) -> Card:
    """The card of a variant that was right on `right` of 100 rows."""
    fact = QualityFact(
        dataset="digits", dataset_sha256=DIGEST,
        top1=wilson(right, 100), top5=wilson(100, 100),
    )  # fmt: skip
    return Card(
        model="digits", version=1, variant=variant, title="Digits", licence="MIT",
        build_key=DIGEST, created="2026-01-01",
        model_file=FileFact(sha256=DIGEST, size_bytes=size), inputs=(), outputs=(),
        source_uri="recipe:x", source_sha256=DIGEST, quality=(fact,), form="litert",
    )  # fmt: skip
