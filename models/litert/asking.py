"""A .tflite file asked about photos, in a process and an environment of its own.

Answers are kept beside those of ONNX pieces, so what is asked twice is computed once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from models.environments import Tooling
from models.errors import BuildFailed
from models.evaluate import Floats
from models.keys import hash_of
from models.litert import toolings
from models.recipes.bench import NO_IMAGE, Bench
from models.store import digest

Kernels = Literal["optimised", "reference"]


@dataclass(frozen=True, slots=True)
class Way:
    """One way of running a file: which runtime, which kernels, how many threads."""

    runtime: str = toolings.NEWEST
    kernels: Kernels = "optimised"
    threads: int = 1

    @property
    def tooling(self) -> Tooling:
        """The environment that has the runtime."""
        newest = self.runtime == toolings.NEWEST
        return toolings.quantizer() if newest else toolings.oldest()

    def __str__(self) -> str:
        threads = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        return f"{self.runtime}, {self.kernels} kernels, {threads}"


NEWEST = Way()


class Asker:
    """Asks one file; `tools` finds the environments."""

    def __init__(
        self, file: Path, bench: Bench, tools: toolings.Tools = toolings.environment
    ) -> None:
        self._file, self._bench, self._tools = file, bench, tools

    def logits(
        self, dataset: str, way: Way = NEWEST, photos: int | None = None
    ) -> Floats:
        """The logits of the first `photos` of `dataset` (None: all), [n, classes].

        Raises:
            BuildFailed: the model takes no photos.
            ModelError: a photo cannot be had, or the runtime refuses the file.
        """
        kept = self._bench.rooms.logits / f"{self._name(dataset, way, photos)}.npy"
        if not kept.is_file():
            self._ask(dataset, way, photos, kept)
        found: Floats = np.load(kept)
        return found

    def timed(self, way: Way, runs: int) -> Mapping[str, Any]:
        """`times_ms` of `runs` runs on a grey image, and by how much the process grew.

        Raises:
            ModelError: the runtime refuses the file.
        """
        image = self._bench.spec.front_end
        shape = (1, 1, 1) if image is None else image.shape
        grey = np.full((1, *shape), 127, np.uint8)
        return self._run(grey, way, self._bench.scratch / "timed.npy", runs=runs)

    def raw(self, rows: np.ndarray, way: Way = NEWEST) -> np.ndarray:
        """What comes out when `rows` are put in as they are, both in the file's datatypes.

        Raises:
            ModelError: the runtime refuses the file.
        """
        out = self._bench.scratch / "raw-answers.npy"
        self._call(rows, way, out, {"raw": True})
        found: np.ndarray = np.load(out)
        return found

    def _ask(self, dataset: str, way: Way, photos: int | None, kept: Path) -> None:
        image = self._bench.spec.front_end
        if image is None:
            raise BuildFailed(self._bench.recipe.id, "evaluation", NO_IMAGE)
        crops = self._bench.materials.crops(dataset, image, self._bench.progress)
        out = self._bench.scratch / "answers.npy"
        self._run(crops[:photos], way, out)
        kept.parent.mkdir(parents=True, exist_ok=True)
        scratch = kept.with_name(f".new-{kept.name}")
        scratch.write_bytes(out.read_bytes())
        scratch.replace(kept)

    def _run(
        self, crops: np.ndarray, way: Way, out: Path, runs: int = 0
    ) -> Mapping[str, Any]:
        image = self._bench.spec.front_end
        if image is None:
            raise BuildFailed(self._bench.recipe.id, "evaluation", NO_IMAGE)
        told = {"mean": image.mean, "std": image.std, "runs": runs}
        return self._call(crops, way, out, told)

    def _call(
        self, rows: np.ndarray, way: Way, out: Path, more: Mapping[str, object]
    ) -> Mapping[str, Any]:
        sent = self._bench.scratch / "asked.npy"
        np.save(sent, np.ascontiguousarray(rows))
        request = {
            "model": str(self._file.resolve()),
            "rows": str(sent),
            "out": str(out),
            "kernels": way.kernels,
            "threads": way.threads,
            **more,
        }
        answer = self._tools(self._bench, way.tooling)("running", request)
        found: Mapping[str, Any] = answer
        return found

    def _name(self, dataset: str, way: Way, photos: int | None) -> str:
        image = self._bench.spec.front_end
        return hash_of(
            {
                "model": digest(self._file),
                "dataset": self._bench.materials.sha256(dataset),
                "photos": photos,
                "image": None if image is None else image.model_dump(mode="json"),
                "skip_broken": self._bench.data.skip_broken,
                "way": [way.runtime, way.kernels, way.threads],
                "pins": way.tooling.requirements,
            }
        )
